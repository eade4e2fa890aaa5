import { ActionIcon, Badge, Button, Group, Skeleton, Stack, Text, Tooltip } from '@mantine/core'
import { IconMessagePlus, IconTrash } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Conversation } from '../../../api-client/src/api-types.ts'
import { firstLine } from '../agent-logs/format-run.ts'
import { api } from '../api.ts'
import { Confirm } from '../ui/confirm.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone } from '../ui/toast.ts'
import classes from './chat.module.css'
import { conversationsQuery, waitingConversationsQuery } from './chat-queries.ts'

interface ConversationListProps {
  userAgentId: string
  conversationId: string | undefined
  onNew: () => void
  onPick?: () => void
  onDeleted: (conversationId: string) => void
}

/** The conversations with this agent, newest first. */
export function ConversationList({ userAgentId, conversationId, onNew, onPick, onDeleted }: ConversationListProps) {
  const list = useInfiniteQuery(conversationsQuery(userAgentId))
  const { data: waiting = [] } = useQuery(waitingConversationsQuery(userAgentId))
  const queryClient = useQueryClient()
  const [doomed, setDoomed] = useState<Conversation | null>(null)
  const conversations = list.data?.pages.flatMap((page) => page.data) ?? []

  const remove = async () => {
    if (!doomed) return
    await api('DELETE /api/v1/user-agents/:id/conversations/:conversation_id', {
      params: { id: userAgentId, conversation_id: doomed.id },
    })
    await queryClient.invalidateQueries({ queryKey: conversationsQuery(userAgentId).queryKey })
    void queryClient.invalidateQueries({ queryKey: ['agent-logs'] })
    onDeleted(doomed.id)
    toastDone('The conversation is deleted.')
  }

  return (
    <Stack gap="sm" h="100%" mih={0}>
      <Button variant="default" leftSection={<IconMessagePlus size={18} aria-hidden />} onClick={onNew} fullWidth>
        New conversation
      </Button>
      {list.isPending && (
        <Stack gap="xs" role="status" aria-label="Loading conversations">
          {[1, 2, 3, 4].map((key) => (
            <Skeleton key={key} h={44} />
          ))}
        </Stack>
      )}
      {list.isError && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} isRetrying={list.isFetching} />
      )}
      {list.isSuccess && conversations.length === 0 && (
        <Text size="sm" c="dimmed" px="xs">
          Your conversations with this agent will be listed here.
        </Text>
      )}
      {conversations.length > 0 && (
        <ul className={classes.conversations} aria-label="Conversations">
          {conversations.map((conversation) => (
            <ConversationRow
              key={conversation.id}
              userAgentId={userAgentId}
              conversation={conversation}
              isActive={conversation.id === conversationId}
              isWaiting={waiting.includes(conversation.id)}
              onPick={onPick}
              onDelete={() => setDoomed(conversation)}
            />
          ))}
          {list.hasNextPage && (
            <li>
              <Button
                variant="subtle"
                size="xs"
                fullWidth
                onClick={() => void list.fetchNextPage()}
                loading={list.isFetchingNextPage}
              >
                Load more conversations
              </Button>
            </li>
          )}
        </ul>
      )}
      <Confirm
        isOpen={doomed !== null}
        onClose={() => setDoomed(null)}
        title="Delete this conversation?"
        confirmLabel="Delete conversation"
        onConfirm={remove}
      >
        “{doomed ? firstLine(doomed.title) : ''}” and every log of it will be gone for good.
      </Confirm>
    </Stack>
  )
}

interface RowProps {
  userAgentId: string
  conversation: Conversation
  isActive: boolean
  /** Something in it waits for an approval. */
  isWaiting: boolean
  onPick?: () => void
  onDelete: () => void
}

function ConversationRow({ userAgentId, conversation, isActive, isWaiting, onPick, onDelete }: RowProps) {
  const title = firstLine(conversation.title) || 'Without words'
  return (
    <li className={classes.conversation} data-active={isActive || undefined}>
      <Link
        to="/chat/$userAgentId"
        params={{ userAgentId }}
        search={{ conversation: conversation.id }}
        className={classes.conversationLink}
        aria-current={isActive ? 'page' : undefined}
        preload={false}
        onClick={onPick}
      >
        <Text size="sm" truncate fw={isActive ? 600 : 450}>
          {title}
        </Text>
        <Group gap={8}>
          <Text size="xs" c="dimmed">
            <Time value={conversation.timestamp} />
          </Text>
          {isWaiting && (
            <Badge size="sm" color="honey">
              Waits for you
            </Badge>
          )}
        </Group>
      </Link>
      <Tooltip label="Delete">
        <ActionIcon color="gray" aria-label={`Delete conversation “${title}”`} onClick={onDelete}>
          <IconTrash size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </li>
  )
}
