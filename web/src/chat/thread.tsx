import { ActionIcon, Alert, Button, Text, VisuallyHidden } from '@mantine/core'
import { IconAlertTriangle, IconArrowDown, IconRefresh } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import type { Decision } from '../approvals/approval-card.tsx'
import { readPlanRefusal } from '../limits/plan-refusal.ts'
import { RefusalAlert } from '../limits/refusal-alert.tsx'
import { describeError } from '../ui/describe-error.ts'
import { toastError } from '../ui/toast.ts'
import { modelsQuery } from '../user-agents/user-agent-queries.ts'
import classes from './chat.module.css'
import { type ConversationPart, conversationsQuery, loadConversation } from './chat-queries.ts'
import { Composer } from './composer.tsx'
import { MessageView, Thinking } from './message-view.tsx'
import { MissingAccounts } from './missing-accounts.tsx'
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
      void queryClient.invalidateQueries({ queryKey: ['limits'] })
    },
    onEnd: (answer) => {
      setAnnouncement(endWords(answer, userAgent.name))
      void queryClient.invalidateQueries({ queryKey: conversationsQuery(userAgent.id).queryKey })
      void queryClient.invalidateQueries({ queryKey: ['agent-logs'] })
      void queryClient.invalidateQueries({ queryKey: ['approvals'] })
      void queryClient.invalidateQueries({ queryKey: ['limits'] })
    },
  })
  const draft = useDraft(userAgent.id, chat.conversationId)
  const history = useEarlier(userAgent.id, openedId, earlier.cursor, chat.prepend, scroll.viewportRef)
  const { conversationId, messages, isBusy, status, decide: chatDecide } = chat

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

  const canAsk = userAgent.is_active && userAgent.missing_integrations.length === 0
  const send = (input: string) => {
    const text = input.trim()
    if (text === '' || isBusy || !canAsk) return
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

  const decide = useCallback(
    async (runId: string, approvalId: string, decision: Decision) => {
      await chatDecide(runId, approvalId, decision)
      setFailure(null)
      setAnnouncement(decision.decision === 'approve' ? 'Approved.' : 'Refused.')
      void queryClient.invalidateQueries({ queryKey: ['approvals'] })
    },
    [chatDecide, queryClient],
  )
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
          {isEmpty && <Welcome userAgent={userAgent} onStart={canAsk ? send : undefined} />}
          {messages.map((message) => (
            <MessageView
              key={message.id}
              message={message}
              agentName={userAgent.name}
              modelLabel={labelOf(message.metadata?.model)}
              onDecide={decide}
              isStreaming={isBusy && message.id === lastId && message.role === 'assistant'}
              onRetry={!isBusy && canAsk && canRetry(message, lastId) ? retry : undefined}
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
        <MissingAccounts userAgent={userAgent} />
        <Composer
          fieldRef={fieldRef}
          text={draft.text}
          onChange={draft.setText}
          onSend={() => send(draft.text)}
          onStop={stop}
          isBusy={isBusy}
          isDisabled={!canAsk}
          placeholder={placeholderOf(userAgent)}
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

function placeholderOf({ name, is_active, missing_integrations }: UserAgent): string {
  if (!is_active) return 'This agent is switched off'
  return missing_integrations.length > 0 ? 'An account is missing' : `Ask ${name}`
}

function endWords(answer: RunMessage, name: string): string {
  if (answer.metadata?.status === 'waiting') return `${name} asks for your approval. ${textOf(answer).slice(0, 1000)}`
  return answer.metadata?.error_title ?? `${name}: ${textOf(answer).slice(0, 2000)}`
}

function canRetry(message: RunMessage, lastId: string | undefined): boolean {
  const { status } = message.metadata ?? {}
  return message.id === lastId && message.role === 'assistant' && status !== 'running' && status !== 'waiting'
}

function NotSent({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const refusal = readPlanRefusal(error)
  if (refusal) return <RefusalAlert refusal={refusal} onRetry={onRetry} mb="sm" />
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
