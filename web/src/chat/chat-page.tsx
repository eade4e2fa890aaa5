import { ActionIcon, Drawer, Group, Text, Title, VisuallyHidden } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconArrowLeft, IconMessages, IconPlugConnected, IconSettings } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { IconLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { usePageTitle } from '../ui/page-title.tsx'
import { userAgentQuery } from '../user-agents/user-agent-queries.ts'
import classes from './chat.module.css'
import { conversationsQuery } from './chat-queries.ts'
import { ConversationList } from './conversation-list.tsx'
import { OpenConversation } from './open-conversation.tsx'

/** Talking to one of one's agents. */
export function ChatPage() {
  const { userAgentId } = useParams({ from: '/signed-in/chat/$userAgentId' })
  const userAgent = useQuery(userAgentQuery(userAgentId))
  if (userAgent.data) return <Chat key={userAgentId} userAgent={userAgent.data} />
  return (
    <Page title="Chat">
      {userAgent.isError ? (
        <ErrorState
          error={userAgent.error}
          onRetry={() => void userAgent.refetch()}
          isRetrying={userAgent.isFetching}
        />
      ) : (
        <LoadingState label="Loading the agent" shape="text" />
      )}
    </Page>
  )
}

function Chat({ userAgent }: { userAgent: UserAgent }) {
  usePageTitle(`Chat with ${userAgent.name}`)
  const queryClient = useQueryClient()
  const [isListOpen, list] = useDisclosure(false)
  const session = useSession(userAgent.id)
  const shared = {
    userAgentId: userAgent.id,
    conversationId: session.conversationId,
    onDeleted: (deleted: string) => deleted === session.conversationId && session.startNew(),
  }
  const onConversation = useCallback(
    (id: string) => {
      session.noteConversation(id)
      void queryClient.invalidateQueries({ queryKey: conversationsQuery(userAgent.id).queryKey })
    },
    [session.noteConversation, queryClient, userAgent.id],
  )
  return (
    <div className={classes.page}>
      <aside className={classes.list} aria-label="Conversations with this agent">
        <ConversationList {...shared} onNew={session.startNew} />
      </aside>
      <div className={classes.main}>
        <Head userAgent={userAgent} onOpenList={list.open} />
        <OpenConversation
          key={session.key}
          userAgent={userAgent}
          conversationId={session.openedId}
          onConversation={onConversation}
          onNew={session.startNew}
        />
      </div>
      <Drawer
        opened={isListOpen}
        onClose={list.close}
        title="Conversations"
        closeButtonProps={{ 'aria-label': 'Close' }}
        size="sm"
      >
        <ConversationList
          {...shared}
          onPick={list.close}
          onNew={() => {
            session.startNew()
            list.close()
          }}
        />
      </Drawer>
    </div>
  )
}

function Head({ userAgent, onOpenList }: { userAgent: UserAgent; onOpenList: () => void }) {
  return (
    <Group className={classes.head} wrap="nowrap" gap="sm">
      <IconLink to="/my-agents" color="gray" size="lg" aria-label="Back to my agents">
        <IconArrowLeft size={20} aria-hidden />
      </IconLink>
      <AgentTypeIcon type={userAgent.agent.type} size={36} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <Title order={1} size="h4" tabIndex={-1} id="page-title" lineClamp={1}>
          <VisuallyHidden>Chat with </VisuallyHidden>
          {userAgent.name}
        </Title>
        <Text size="xs" c="dimmed" truncate>
          {userAgent.agent.name}
        </Text>
      </div>
      <ActionIcon
        className={classes.onlyPhone}
        color="gray"
        size="lg"
        aria-label="Conversations"
        aria-haspopup="dialog"
        onClick={onOpenList}
      >
        <IconMessages size={20} aria-hidden />
      </ActionIcon>
      <IconLink
        to="/user-agents/$userAgentId/integrations"
        params={{ userAgentId: userAgent.id }}
        color="gray"
        size="lg"
        aria-label="Accounts of this agent"
      >
        <IconPlugConnected size={20} aria-hidden />
      </IconLink>
      <IconLink
        to="/my-agents/$userAgentId/edit"
        params={{ userAgentId: userAgent.id }}
        color="gray"
        size="lg"
        aria-label="Settings of this agent"
      >
        <IconSettings size={20} aria-hidden />
      </IconLink>
    </Group>
  )
}

interface SessionState {
  /** A new value opens another conversation, or a new one, with an empty thread. */
  key: number
  /** What the thread was opened with; undefined: a new conversation. */
  openedId: string | undefined
  /** The conversation it has become since. */
  conversationId: string | undefined
  /** The address as it was last looked at. */
  address: string | undefined
}

/** Which conversation is open. The address names it, and follows without a new thread when a new one gets its id. */
function useSession(userAgentId: string) {
  const { conversation } = useSearch({ from: '/signed-in/chat/$userAgentId' })
  const navigate = useNavigate()
  const [state, setState] = useState<SessionState>({
    key: 0,
    openedId: conversation,
    conversationId: conversation,
    address: conversation,
  })
  if (conversation !== state.address) {
    setState(
      conversation === state.conversationId
        ? { ...state, address: conversation }
        : { key: state.key + 1, openedId: conversation, conversationId: conversation, address: conversation },
    )
  }
  const startNew = () => {
    setState((now) => ({ ...now, key: now.key + 1, openedId: undefined, conversationId: undefined }))
    void navigate({ to: '/chat/$userAgentId', params: { userAgentId }, search: {} })
  }
  const noteConversation = useCallback(
    (id: string) => {
      setState((now) => ({ ...now, conversationId: id }))
      void navigate({ to: '/chat/$userAgentId', params: { userAgentId }, search: { conversation: id }, replace: true })
    },
    [navigate, userAgentId],
  )
  return { ...state, startNew, noteConversation }
}
