import { Alert, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconAlertTriangle,
  IconArrowLeft,
  IconHandStop,
  IconMessages,
  IconPlayerStop,
  IconTrash,
} from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { BuiltInNote } from '../chat/built-in-note.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink, TextLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Markdown } from '../ui/markdown.tsx'
import { Page } from '../ui/page.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { logQuery } from './agent-log-queries.ts'
import { CitationChips } from './citation-chips.tsx'
import { firstLine } from './format-run.ts'
import { errorWords, readRunDetails } from './run-details.ts'
import { RunFacts } from './run-facts.tsx'
import { RunRating } from './run-rating.tsx'
import { RunStatus } from './run-status.tsx'
import { RunStepsView } from './run-steps-view.tsx'

/** One run with everything that happened in it. A running one is looked up again until it ends. */
export function AgentLogPage() {
  const { logId } = useParams({ from: '/signed-in/logs/$logId' })
  const log = useQuery(logQuery(logId))
  const above = (
    <TextLink to="/logs" size="sm" display="inline-flex" style={{ alignItems: 'center', gap: 4 }} mb="xs">
      <IconArrowLeft size={16} aria-hidden /> All logs
    </TextLink>
  )
  return (
    <Page
      title="Run"
      tabTitle={log.data ? `Run: ${firstLine(log.data.input).slice(0, 60)}` : 'Run'}
      subtitle={log.data && <RunStatus status={log.data.status} />}
      above={above}
      actions={log.data && <Actions log={log.data} />}
      width={920}
    >
      {log.isPending && <LoadingState label="Loading the run" shape="text" />}
      {log.isError && !log.data && (
        <ErrorState error={log.error} onRetry={() => void log.refetch()} isRetrying={log.isFetching} />
      )}
      {log.data && <Run log={log.data} />}
    </Page>
  )
}

function Run({ log }: { log: AgentLog }) {
  const { citations, errorDetail, isBuiltInModel } = readRunDetails(log)
  return (
    <Stack gap="xl">
      {log.status === 'waiting' && <Waiting log={log} />}
      {log.error_code && <Failure code={log.error_code} detail={errorDetail} />}
      <Section title="Question" action={<CopyButton text={log.input} />}>
        <Text style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{log.input}</Text>
      </Section>
      <Section title="Answer" action={log.output ? <CopyButton text={log.output} /> : null}>
        <Stack gap="md">
          {log.output ? <Markdown>{log.output}</Markdown> : <Text c="dimmed">{noAnswerWords[log.status]}</Text>}
          <CitationChips citations={citations} text={log.output ?? ''} />
          {log.status !== 'running' && log.status !== 'waiting' && (
            <Group gap="md">
              <RunRating key={log.id} runId={log.id} rating={log.rating} comment={log.rating_comment} />
              {isBuiltInModel && <BuiltInNote />}
            </Group>
          )}
          {log.rating_comment && (
            <Text size="sm" c="dimmed" className="ax-pre-line">
              Comment: {log.rating_comment}
            </Text>
          )}
        </Stack>
      </Section>
      <RunFacts log={log} />
      <Stack gap="sm" component="section">
        <Title order={2} size="h3">
          Steps
        </Title>
        <RunStepsView log={log} />
      </Stack>
    </Stack>
  )
}

const noAnswerWords: Record<AgentLog['status'], string> = {
  running: 'The answer is being written…',
  waiting: 'The run waits for your approval.',
  succeeded: 'The answer was empty.',
  failed: 'The run failed before there was an answer.',
  cancelled: 'The run was cancelled before there was an answer.',
  interrupted: 'The run was cut off before there was an answer.',
}

function Section({ title, action, children }: { title: string; action: ReactNode; children: ReactNode }) {
  return (
    <Paper withBorder p="lg" component="section">
      <Group justify="space-between" mb="sm" mih={30}>
        <Title order={2} size="h4">
          {title}
        </Title>
        {action}
      </Group>
      {children}
    </Paper>
  )
}

/** What the run waits for; decided in its conversation or under Approvals, where one sees what came of it. */
function Waiting({ log }: { log: AgentLog }) {
  const { steps, approvals } = readRunDetails(log)
  const answered = new Set(steps.flatMap((step) => step.tool_results.map(({ id }) => id)))
  return (
    <Alert color="honey" variant="light" icon={<IconHandStop aria-hidden />} title="This run waits for you">
      <Stack gap={6} align="flex-start">
        {approvals
          .filter(({ tool_call_id }) => !answered.has(tool_call_id))
          .map(({ id, description }) => (
            <TextLink key={id} to="/approvals/$approvalId" params={{ approvalId: id }} size="sm">
              {description}
            </TextLink>
          ))}
      </Stack>
    </Alert>
  )
}

function Failure({ code, detail }: { code: string; detail: string | null }) {
  const { title, action } = errorWords(code)
  return (
    <Alert
      color={code === 'cancelled' ? 'gray' : 'red'}
      variant="light"
      icon={<IconAlertTriangle aria-hidden />}
      title={title}
    >
      <Text size="sm">{action}</Text>
      {detail && (
        <Text size="sm" mt="xs" style={{ overflowWrap: 'anywhere' }}>
          The provider said: {detail}
        </Text>
      )}
    </Alert>
  )
}

function Actions({ log }: { log: AgentLog }) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const [isDeleting, deletion] = useDisclosure(false)
  const cancel = useMutation({
    mutationFn: () => api('POST /api/v1/agent-logs/:id/cancel', { params: { id: log.id } }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: logQuery(log.id).queryKey }),
    onError: toastError,
  })
  const remove = async () => {
    await api('DELETE /api/v1/agent-logs/:id', { params: { id: log.id } })
    await navigate({ to: '/logs' })
    queryClient.removeQueries({ queryKey: logQuery(log.id).queryKey })
    void queryClient.invalidateQueries({ queryKey: ['agent-logs'] })
    toastDone('The run is deleted.')
  }
  return (
    <>
      {log.user_agent_id && log.user_agent_name && (
        <ButtonLink
          to="/chat/$userAgentId"
          params={{ userAgentId: log.user_agent_id }}
          search={{ conversation: log.conversation_id }}
          variant="default"
          leftSection={<IconMessages size={16} aria-hidden />}
        >
          Open conversation
        </ButtonLink>
      )}
      {log.status === 'running' || log.status === 'waiting' ? (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={16} aria-hidden />}
          onClick={() => cancel.mutate()}
          loading={cancel.isPending}
        >
          Cancel run
        </Button>
      ) : (
        <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={deletion.open}>
          Delete
        </Button>
      )}
      <Confirm
        isOpen={isDeleting}
        onClose={deletion.close}
        title="Delete this run?"
        confirmLabel="Delete run"
        onConfirm={remove}
      >
        <Text size="sm">
          Its question, answer and steps are gone for good. If it began a conversation, that conversation is no longer
          listed.
        </Text>
      </Confirm>
    </>
  )
}
