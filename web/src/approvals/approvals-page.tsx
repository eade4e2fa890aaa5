import { Group, Paper, Stack, Text } from '@mantine/core'
import { IconChecklist, IconMessages } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Approval } from '../../../api-client/src/api-types.ts'
import type { ResponseOf } from '../../../api-client/src/route-types.ts'
import { errorWords } from '../agent-logs/run-details.ts'
import { api } from '../api.ts'
import { BackLink } from '../ui/back-link.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink, TextLink } from '../ui/links.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Markdown } from '../ui/markdown.tsx'
import { Page } from '../ui/page.tsx'
import { userAgentQuery } from '../user-agents/user-agent-queries.ts'
import { ApprovalCard, type Decision } from './approval-card.tsx'
import { approvalQuery, pendingApprovalsQuery } from './approval-queries.ts'

/** Everything that the agents want to do and may not without a yes, oldest first. */
export function ApprovalsPage() {
  const query = useInfiniteQuery(pendingApprovalsQuery)
  const [kept, setKept] = useState<Approval[]>([])
  const waiting = query.data?.pages.flatMap((page) => page.data) ?? []
  // What was decided here stays until one leaves, with what came of it.
  const shown = [...waiting.filter(({ id }) => !kept.some((one) => one.id === id)), ...kept].sort((a, b) =>
    a.created_at.localeCompare(b.created_at),
  )
  return (
    <Page
      title="Approvals"
      subtitle="What your agents want to do and wait for your yes. The oldest comes first."
      width={820}
    >
      {query.isPending && <LoadingState label="Loading what waits" />}
      {query.isError && shown.length === 0 && (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && shown.length === 0 && (
        <EmptyState icon={IconChecklist} title="Nothing waits for you">
          When an agent wants to send, change or delete something in a connected account, it asks you here and in its
          chat.
        </EmptyState>
      )}
      {shown.length > 0 && (
        <Stack gap="lg">
          {shown.map((approval) => (
            <InboxItem
              key={approval.id}
              approval={approval}
              onDeciding={() => setKept((all) => (all.some(({ id }) => id === approval.id) ? all : [...all, approval]))}
              onFailed={() => setKept((all) => all.filter(({ id }) => id !== approval.id))}
            />
          ))}
          <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
        </Stack>
      )}
    </Page>
  )
}

/** One of them by its address, as it stands in an answer of the API or a message. */
export function ApprovalPage() {
  const { approvalId } = useParams({ from: '/signed-in/approvals/$approvalId' })
  const query = useQuery(approvalQuery(approvalId))
  return (
    <Page title="Approval" width={820} above={<BackLink to="/approvals" label="All approvals" />}>
      {query.isPending && <LoadingState shape="text" label="Loading what waits" />}
      {query.isError && !query.data && (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.data && <InboxItem approval={query.data} />}
    </Page>
  )
}

type Answer = ResponseOf<'POST /api/v1/approvals/:id/decision'>

interface InboxItemProps {
  approval: Approval
  onDeciding?: () => void
  onFailed?: () => void
}

function InboxItem({ approval, onDeciding, onFailed }: InboxItemProps) {
  const queryClient = useQueryClient()
  const [decided, setDecided] = useState<{ approval: Approval; answer: Answer } | null>(null)
  const decide = async (decision: Decision) => {
    onDeciding?.()
    try {
      const answer = await api('POST /api/v1/approvals/:id/decision', { params: { id: approval.id }, body: decision })
      const now = await api('GET /api/v1/approvals/:id', { params: { id: approval.id } }).catch(() => approval)
      // Decided, it has no schema any more, which still says in which order its fields are read.
      setDecided({ approval: { ...now, input_schema: approval.input_schema }, answer })
      queryClient.setQueryData(approvalQuery(approval.id).queryKey, now)
    } catch (error) {
      onFailed?.()
      throw error
    } finally {
      void queryClient.invalidateQueries({ queryKey: pendingApprovalsQuery.queryKey })
      void queryClient.invalidateQueries({ queryKey: ['agent-logs'] })
    }
  }
  return (
    <Stack gap="xs">
      <ApprovalCard approval={decided?.approval ?? approval} above={<Asker approval={approval} />} onDecide={decide} />
      {decided && <Outcome answer={decided.answer} userAgentId={approval.user_agent_id} />}
    </Stack>
  )
}

function Asker({ approval }: { approval: Approval }) {
  const { data: userAgent } = useQuery(userAgentQuery(approval.user_agent_id))
  return (
    <Group justify="space-between" gap="xs">
      <Text size="sm" fw={600}>
        {userAgent?.name ?? 'One of your agents'} asks
      </Text>
      <TextLink to="/logs/$logId" params={{ logId: approval.run_id }} size="sm">
        The run so far
      </TextLink>
    </Group>
  )
}

/** What came of the decision: the agent has gone on, or waits for something else. */
function Outcome({ answer, userAgentId }: { answer: Answer; userAgentId: string }) {
  if ('run' in answer)
    return (
      <Text size="sm" c="dimmed" role="status">
        The agent goes on when the others of this run are decided, too.
      </Text>
    )
  return (
    <Paper withBorder radius="md" p="md" role="status">
      <Stack gap="sm">
        {answer.status === 'waiting' && <Text size="sm">The agent went on and asks for something else now.</Text>}
        {answer.output ? (
          <Markdown>{answer.output}</Markdown>
        ) : (
          <Text size="sm">{answer.error ? errorWords(answer.error.code).title : 'The agent has gone on.'}</Text>
        )}
        <div>
          <ButtonLink
            to="/chat/$userAgentId"
            params={{ userAgentId }}
            search={{ conversation: answer.conversation_id }}
            size="xs"
            variant="default"
            leftSection={<IconMessages size={15} aria-hidden />}
          >
            Open the conversation
          </ButtonLink>
        </div>
      </Stack>
    </Paper>
  )
}
