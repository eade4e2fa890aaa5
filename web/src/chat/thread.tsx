import { ActionIcon, Alert, Button, Text, VisuallyHidden } from '@mantine/core'
import { IconAlertTriangle, IconArrowDown, IconRefresh } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { describeError } from '../ui/describe-error.ts'
import { toastError } from '../ui/toast.ts'
import { modelsQuery } from '../user-agents/user-agent-queries.ts'
import classes from './chat.module.css'
import { type ConversationPart, conversationsQuery, loadConversation } from './chat-queries.ts'
import { Composer } from './composer.tsx'
import { MessageView, Thinking } from './message-view.tsx'
import { type RunMessage, textOf } from './run-message.ts'
import { SwitchedOff } from './switched-off.tsx'
import { useDraft } from './use-draft.ts'
import { useRunChat } from './use-run-chat.ts'
import { useStickToBottom } from './use-stick-to-bottom.ts'
import { Welcome } from './welcome.tsx'

interface ThreadProps {
  userAgent: UserAgent
  conversationId: string | undefined
  earlier: ConversationPart
  onConversation: (conversationId: string) => void
}

/** The messages of one conversation, and where the next one is typed. */
export function Thread({ userAgent, conversationId: openedId, earlier, onConversation }: ThreadProps) {
  const queryClient = useQueryClient()
  const models = useQuery(modelsQuery)
  const [failure, setFailure] = useState<{ error: unknown; isAskedAgain: boolean } | null>(null)
  const [announcement, setAnnouncement] = useState('')
  const fieldRef = useRef<HTMLTextAreaElement>(null)
  const scroll = useStickToBottom()

  const chat = useRunChat({
    userAgentId: userAgent.id,
    conversationId: openedId,
    earlier: earlier.messages,
    onNotSent: (error, input) => {
      draft.giveBack(input)
      setFailure({ error, isAskedAgain: input === null })
      setAnnouncement('')
    },
    onEnd: (answer) => {
      setAnnouncement(answer.metadata?.error_title ?? `${userAgent.name}: ${textOf(answer).slice(0, 2000)}`)
      void queryClient.invalidateQueries({ queryKey: conversationsQuery(userAgent.id).queryKey })
      void queryClient.invalidateQueries({ queryKey: ['agent-logs'] })
    },
  })
  const draft = useDraft(userAgent.id, chat.conversationId)
  const history = useEarlier(userAgent.id, openedId, earlier.cursor, chat.prepend, scroll.viewportRef)
  const { conversationId, messages, isBusy, status } = chat

  useEffect(() => {
    if (conversationId && conversationId !== openedId) onConversation(conversationId)
  }, [conversationId, openedId, onConversation])

  // With its id the run is in the log, and with it what was asked.
  const runId = messages.at(-1)?.metadata?.run_id
  useEffect(() => {
    if (runId) draft.forgetSent()
  }, [runId, draft.forgetSent])

  // A keyboard that jumps up on a phone would cover what there is to read.
  useEffect(() => {
    if (window.matchMedia('(hover: hover)').matches) fieldRef.current?.focus()
  }, [])

  const send = (input: string) => {
    const text = input.trim()
    if (text === '' || isBusy || !userAgent.is_active) return
    setFailure(null)
    setAnnouncement('The agent is thinking.')
    draft.noteSent(text)
    chat.send(text)
    scroll.scrollToBottom()
  }
  const retry = () => {
    setFailure(null)
    setAnnouncement('The agent is thinking.')
    chat.retry()
    scroll.scrollToBottom()
    fieldRef.current?.focus()
  }
  const stop = () => {
    chat.stop()
    fieldRef.current?.focus()
  }

  const isEmpty = messages.length === 0
  const lastId = messages.at(-1)?.id
  const labelOf = (id: string | null | undefined) => models.data?.find((model) => model.id === id)?.label ?? id ?? null
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard (WCAG 2.1.1) */}
      <section ref={scroll.viewportRef} className={classes.viewport} tabIndex={0} aria-label="Messages">
        <div ref={scroll.contentRef} className={classes.content}>
          {history.hasMore && (
            <Button variant="subtle" size="xs" onClick={history.load} loading={history.isLoading} mx="auto">
              Show earlier messages
            </Button>
          )}
          {isEmpty && <Welcome userAgent={userAgent} onStart={userAgent.is_active ? send : undefined} />}
          {messages.map((message) => (
            <MessageView
              key={message.id}
              message={message}
              agentName={userAgent.name}
              modelLabel={labelOf(message.metadata?.model)}
              isStreaming={isBusy && message.id === lastId && message.role === 'assistant'}
              onRetry={!isBusy && userAgent.is_active && canRetry(message, lastId) ? retry : undefined}
            />
          ))}
          {isBusy && messages.at(-1)?.role === 'user' && <Thinking />}
        </div>
      </section>
      <div className={classes.foot}>
        {!scroll.isAtBottom && !isEmpty && (
          <ActionIcon
            className={classes.toNewest}
            variant="default"
            radius="xl"
            size={38}
            aria-label="Go to the newest message"
            onClick={scroll.scrollToBottom}
          >
            <IconArrowDown size={18} aria-hidden />
          </ActionIcon>
        )}
        {failure && <NotSent error={failure.error} onRetry={failure.isAskedAgain ? retry : () => send(draft.text)} />}
        {!userAgent.is_active && <SwitchedOff userAgent={userAgent} />}
        <Composer
          fieldRef={fieldRef}
          text={draft.text}
          onChange={draft.setText}
          onSend={() => send(draft.text)}
          onStop={stop}
          isBusy={isBusy}
          isDisabled={!userAgent.is_active}
          placeholder={userAgent.is_active ? `Ask ${userAgent.name}` : 'This agent is switched off'}
        />
        <Text size="xs" c="dimmed" className={classes.hint}>
          Answers can be wrong. Every message is kept in your logs.
        </Text>
      </div>
      <VisuallyHidden aria-live="polite" role="status">
        {status === 'streaming' ? 'The agent is answering.' : announcement}
      </VisuallyHidden>
    </>
  )
}

function canRetry(message: RunMessage, lastId: string | undefined): boolean {
  return message.id === lastId && message.role === 'assistant' && message.metadata?.status !== 'running'
}

function NotSent({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { title, detail } = describeError(error)
  return (
    <Alert color="red" variant="light" mb="sm" role="alert" icon={<IconAlertTriangle aria-hidden />} title={title}>
      <Text size="sm">{detail}</Text>
      <Button size="xs" variant="default" mt="xs" leftSection={<IconRefresh size={15} aria-hidden />} onClick={onRetry}>
        Try again
      </Button>
    </Alert>
  )
}

/** Earlier runs on demand, put above without moving what is being read. */
function useEarlier(
  userAgentId: string,
  conversationId: string | undefined,
  firstCursor: string | null,
  prepend: (messages: RunMessage[]) => void,
  viewportRef: React.RefObject<HTMLDivElement | null>,
) {
  const [cursor, setCursor] = useState(firstCursor)
  const [isLoading, setIsLoading] = useState(false)
  const distanceToEnd = useRef<number | null>(null)
  useLayoutEffect(() => {
    const viewport = viewportRef.current
    if (!viewport || distanceToEnd.current === null || isLoading) return
    viewport.scrollTop = viewport.scrollHeight - distanceToEnd.current
    distanceToEnd.current = null
  })
  const load = async () => {
    if (!conversationId || !cursor) return
    setIsLoading(true)
    try {
      const part = await loadConversation(userAgentId, conversationId, cursor)
      const viewport = viewportRef.current
      distanceToEnd.current = viewport ? viewport.scrollHeight - viewport.scrollTop : null
      prepend(part.messages)
      setCursor(part.cursor)
    } catch (error) {
      toastError(error)
    } finally {
      setIsLoading(false)
    }
  }
  return { hasMore: cursor !== null, isLoading, load: () => void load() }
}
