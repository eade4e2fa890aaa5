import { Box, Button } from '@mantine/core'
import { IconMessageOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { loadConversation } from './chat-queries.ts'
import { Thread } from './thread.tsx'

interface OpenConversationProps {
  userAgent: UserAgent
  /** Undefined begins a new conversation. */
  conversationId: string | undefined
  onConversation: (conversationId: string) => void
  onNew: () => void
}

/** Reads an old conversation before its thread is shown; a new one needs nothing. */
export function OpenConversation({ userAgent, conversationId, onConversation, onNew }: OpenConversationProps) {
  const earlier = useQuery({
    queryKey: ['user-agents', userAgent.id, 'conversations', conversationId, 'messages'],
    queryFn: () => loadConversation(userAgent.id, conversationId ?? ''),
    enabled: conversationId !== undefined,
    // Read anew each time it is opened, and never while it is open: the thread goes on by itself.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  if (conversationId === undefined) {
    return <Thread userAgent={userAgent} conversationId={undefined} earlier={nothing} onConversation={onConversation} />
  }
  if (earlier.isPending) {
    return (
      <Box py="xl" maw={736} mx="auto" w="100%">
        <LoadingState label="Loading the conversation" shape="text" />
      </Box>
    )
  }
  if (earlier.isError) {
    return (
      <Box py="xl">
        <ErrorState error={earlier.error} onRetry={() => void earlier.refetch()} isRetrying={earlier.isFetching} />
      </Box>
    )
  }
  if (earlier.data.messages.length === 0) {
    return (
      <Box py="xl">
        <EmptyState
          icon={IconMessageOff}
          title="This conversation is not here"
          action={<Button onClick={onNew}>Begin a new conversation</Button>}
        >
          It was deleted, or it belongs to another agent or account.
        </EmptyState>
      </Box>
    )
  }
  return (
    <Thread
      userAgent={userAgent}
      conversationId={conversationId}
      earlier={earlier.data}
      onConversation={onConversation}
    />
  )
}

const nothing = { messages: [], cursor: null }
