import { DefaultChatTransport, generateId, type UIMessageChunk } from 'ai'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { api } from '../api.ts'
import type { Decision } from '../approvals/approval-card.tsx'
import { type RunMessage, textOf } from './run-message.ts'

/**
 * Sends the newest question as a run; the server keeps the memory of the conversation.
 * A question whose request never got an answer keeps its Idempotency-Key, so that sending it again cannot run it twice.
 */
export class RunTransport extends DefaultChatTransport<RunMessage> {
  readonly #userAgentId: string
  readonly #conversationId: () => string | undefined
  #unanswered: { input: string; key: string } | null = null
  #rest: { response: Response; controller: AbortController } | null = null

  constructor(userAgentId: string, conversationId: () => string | undefined) {
    super()
    this.#userAgentId = userAgentId
    this.#conversationId = conversationId
  }

  /**
   * Sends a decision. Answers true when the run goes on: the next `sendMessages` then reads the rest of its answer instead of
   * asking anything. False while other decisions of the run are open. Throws when nothing was decided.
   */
  async decide(approvalId: string, decision: Decision): Promise<boolean> {
    const controller = new AbortController()
    const response = await api.raw('POST /api/v1/approvals/:id/decision', {
      params: { id: approvalId },
      body: { ...decision, stream: true },
      headers: { accept: 'text/event-stream' },
      signal: controller.signal,
    })
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      await response.body?.cancel()
      return false
    }
    this.#rest = { response, controller }
    return true
  }

  override async sendMessages(
    options: Parameters<DefaultChatTransport<RunMessage>['sendMessages']>[0],
  ): Promise<ReadableStream<UIMessageChunk>> {
    const rest = this.#rest
    this.#rest = null
    if (rest?.response.body) {
      options.abortSignal?.addEventListener('abort', () => rest.controller.abort(), { once: true })
      return this.processResponseStream(rest.response.body)
    }
    const question = options.messages.findLast((message) => message.role === 'user')
    const input = question ? textOf(question) : ''
    const key = this.#unanswered?.input === input ? this.#unanswered.key : generateId() + generateId()
    this.#unanswered = { input, key }
    try {
      const response = await api.raw('POST /api/v1/user-agents/:id/runs', {
        params: { id: this.#userAgentId },
        body: { input, conversation_id: this.#conversationId(), stream: true, source: 'chat' },
        headers: { 'idempotency-key': key, accept: 'text/event-stream' },
        signal: options.abortSignal,
      })
      this.#unanswered = null
      if (!response.body) throw new Error('The answer has no body.')
      return this.processResponseStream(response.body)
    } catch (error) {
      if (!isUnanswered(error)) this.#unanswered = null
      throw error
    }
  }
}

// A proxy's 502 or 504 says nothing about whether the server took the run; nor does a lost connection.
function isUnanswered(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 502 || error.status === 504)
}
