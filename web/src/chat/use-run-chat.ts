import { Chat, useChat } from '@ai-sdk/react'
import { useCallback, useEffect, useRef, useState } from 'react'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import type { Decision } from '../approvals/approval-card.tsx'
import { endMessages } from './end-messages.ts'
import { answerOf } from './log-messages.ts'
import { conversationIdOf, type RunMessage, textOf } from './run-message.ts'
import { RunTransport } from './run-transport.ts'
import { useRunningRun } from './use-running-run.ts'

/** Redraws while an answer streams: often enough to look alive, seldom enough for a slow phone. */
const redrawEveryMs = 60

interface RunChatOptions {
  userAgentId: string
  conversationId: string | undefined
  earlier: RunMessage[]
  /** The request was refused or lost before a run began. `input` is null when an earlier question was asked again. */
  onNotSent: (error: unknown, input: string | null) => void
  /** A run ended, well or not, with this answer. */
  onEnd: (answer: RunMessage) => void
}

/**
 * The chat of one conversation over the run API. The server keeps its memory; here is only what is shown.
 * Leaving the page does not end a run: its answer is in the conversation when one comes back.
 */
export function useRunChat(options: RunChatOptions) {
  const latestOptions = useRef(options)
  useEffect(() => {
    latestOptions.current = options
  })
  const isAskedAgain = useRef(false)

  const [{ chat, transport }] = useState(() => {
    const { userAgentId, conversationId, earlier } = options
    const transport = new RunTransport(userAgentId, () => conversationIdOf(created.messages) ?? conversationId)
    const created: Chat<RunMessage> = new Chat<RunMessage>({
      messages: earlier,
      transport,
      onFinish: ({ isAbort, isError }) => {
        const { messages, answer } = endMessages(created.messages, {
          isAbort,
          error: isError ? created.error : undefined,
        })
        if (answer) {
          created.messages = messages
          latestOptions.current.onEnd(answer)
        } else if (isAskedAgain.current) {
          latestOptions.current.onNotSent(created.error, null)
        } else {
          const question = created.messages.at(-1)
          created.messages = created.messages.slice(0, -1)
          latestOptions.current.onNotSent(created.error, question ? textOf(question) : null)
        }
      },
    })
    return { chat: created, transport }
  })
  const { messages, status } = useChat({ chat, throttle: redrawEveryMs })
  const isBusy = status === 'submitted' || status === 'streaming'

  const send = useCallback(
    (input: string) => {
      isAskedAgain.current = false
      void chat.sendMessage({ text: input })
    },
    [chat],
  )
  const retry = useCallback(() => {
    isAskedAgain.current = true
    void chat.regenerate()
  }, [chat])
  const stop = useCallback(() => {
    const runId = chat.lastMessage?.role === 'assistant' ? chat.lastMessage.metadata?.run_id : undefined
    // A run that ended in this very moment refuses the cancel: there is nothing to tell then.
    if (runId) void api('POST /api/v1/agent-logs/:id/cancel', { params: { id: runId } }).catch(() => {})
    void chat.stop()
  }, [chat])
  const prepend = useCallback(
    (earlier: RunMessage[]) => {
      chat.messages = [...earlier, ...chat.messages]
    },
    [chat],
  )

  const replaceByLog = useCallback(
    (log: AgentLog) => {
      chat.messages = chat.messages.map((message) => (message.id === log.id ? answerOf(log) : message))
    },
    [chat],
  )
  const decide = useCallback(
    async (runId: string, approvalId: string, decision: Decision) => {
      const isLast = chat.lastMessage?.id === runId
      if (!isLast || chat.status === 'submitted' || chat.status === 'streaming') {
        // The stream of a chat continues its last message alone; an earlier one is read from the log when it has ended.
        await api('POST /api/v1/approvals/:id/decision', { params: { id: approvalId }, body: decision })
        replaceByLog(await api('GET /api/v1/agent-logs/:id', { params: { id: runId } }))
        return
      }
      const goesOn = await transport.decide(approvalId, decision)
      chat.messages = chat.messages.map((message) =>
        message.id === runId ? withDecision(message, approvalId, decision, goesOn) : message,
      )
      isAskedAgain.current = true
      if (goesOn) void chat.sendMessage()
    },
    [chat, transport, replaceByLog],
  )

  const watched = isBusy
    ? undefined
    : (messages.find(({ metadata }) => metadata?.status === 'running') ??
      messages.findLast(({ metadata }) => metadata?.status === 'waiting'))
  useRunningRun(toWatchedRun(watched), replaceByLog)

  const conversationId = conversationIdOf(messages) ?? options.conversationId
  return { messages, status, isBusy, conversationId, send, retry, stop, prepend, decide }
}

function toWatchedRun(message: RunMessage | undefined) {
  const { run_id: id, status } = message?.metadata ?? {}
  if (!message || !id || (status !== 'running' && status !== 'waiting')) return undefined
  return { id, status, approvalCount: message.parts.filter((part) => 'approval' in part && part.approval).length }
}

/** The call of this approval, as decided: its result is still to come. */
function withDecision(
  message: RunMessage,
  approvalId: string,
  { decision, input, comment }: Decision,
  goesOn: boolean,
): RunMessage {
  const parts = message.parts.map((part) =>
    part.type === 'dynamic-tool' && part.state === 'approval-requested' && part.approval.id === approvalId
      ? {
          ...part,
          state: 'approval-responded' as const,
          input: input ?? part.input,
          approval: { id: approvalId, approved: decision === 'approve', ...(comment && { reason: comment }) },
        }
      : part,
  )
  return { ...message, parts, metadata: { ...message.metadata, ...(goesOn && { status: undefined }) } }
}
