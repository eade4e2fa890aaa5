import type { UIMessageChunk } from 'ai'
import type {
  ApprovalDecision,
  ApprovalRequest,
  Citation,
  RunEvent,
  ToolCall,
  ToolResult,
} from '../runtime/run-types.ts'

/** What the stream tells about the run besides its words. */
export interface RunMessageMetadata {
  run_id?: string
  conversation_id?: string
  model?: string
  is_built_in_model?: boolean
  status?: string
  input_tokens?: number | null
  output_tokens?: number | null
  cost_usd?: number | null
  latency_ms?: number | null
  error_code?: string
  error_title?: string
  error_action?: string
}

interface RunEnd extends Pick<RunMessageMetadata, 'input_tokens' | 'output_tokens' | 'cost_usd' | 'latency_ms'> {
  status: string
  error: { code: string; title: string; detail: string } | null
}

/** Writes a run as the AI SDK's UI message stream (protocol v1), the format `useChat` reads. */
export class UiMessageWriter {
  readonly #send: (data: string) => void
  #textParts = 0
  #isTextOpen = false
  #isStepOpen = false

  constructor(send: (data: string) => void) {
    this.#send = send
  }

  start(messageId: string, messageMetadata: RunMessageMetadata): void {
    this.#write({ type: 'start', messageId, messageMetadata })
  }

  event(event: RunEvent): void {
    switch (event.kind) {
      case 'text-delta':
        this.#write({ type: 'text-delta', id: this.#openText(), delta: event.text })
        break
      case 'tool-call':
        this.#closeText()
        this.#writeToolCall(event.call, event.title)
        break
      case 'approval-request':
        this.#closeText()
        this.#writeApprovalRequest(event.approval, event.expiresAt)
        break
      case 'approval-decision':
        this.#writeDecision(event.call, event.approval, event.decision)
        break
      case 'tool-result':
        this.#writeToolResult(event.result)
        break
      case 'citation':
        this.#writeCitation(event.citation)
        break
      case 'step-end':
        this.#closeStep()
        break
    }
  }

  end({ status, error, input_tokens, output_tokens, cost_usd, latency_ms }: RunEnd): void {
    this.#closeStep()
    this.#write({
      type: 'message-metadata',
      messageMetadata: {
        status,
        input_tokens,
        output_tokens,
        cost_usd,
        latency_ms,
        ...(error ? { error_code: error.code, error_title: error.title, error_action: error.detail } : {}),
      },
    })
    if (status === 'cancelled') {
      this.#write({ type: 'abort' })
      return
    }
    if (error) this.fail(error.title)
    this.#write({ type: 'finish', ...(status === 'waiting' && { finishReason: 'tool-calls' as const }) })
  }

  fail(errorText: string): void {
    this.#write({ type: 'error', errorText })
  }

  #write(chunk: UIMessageChunk<RunMessageMetadata>): void {
    this.#send(JSON.stringify(chunk))
  }

  #openText(): string {
    if (!this.#isStepOpen) this.#write({ type: 'start-step' })
    this.#isStepOpen = true
    if (!this.#isTextOpen) {
      this.#textParts += 1
      this.#write({ type: 'text-start', id: `text-${this.#textParts}` })
    }
    this.#isTextOpen = true
    return `text-${this.#textParts}`
  }

  #closeText(): void {
    if (this.#isTextOpen) this.#write({ type: 'text-end', id: `text-${this.#textParts}` })
    this.#isTextOpen = false
  }

  #closeStep(): void {
    this.#closeText()
    if (this.#isStepOpen) this.#write({ type: 'finish-step' })
    this.#isStepOpen = false
  }

  #writeToolCall({ id, name, input }: ToolCall, title: string | undefined): void {
    this.#write({
      type: 'tool-input-available',
      toolCallId: id,
      toolName: name,
      input,
      dynamic: true,
      ...(title !== undefined && { title }),
    })
  }

  #writeApprovalRequest(approval: ApprovalRequest, expiresAt: Date | null): void {
    const { id, tool_call_id, title, description, reason, integration_id, input_schema } = approval
    this.#write({
      type: 'tool-approval-request',
      approvalId: id,
      toolCallId: tool_call_id,
      reason: description,
      approvalDescriptor: { title, description, reason, expires_at: expiresAt, integration_id, input_schema },
    })
  }

  /** Whole, so that a reader who has not seen the first part of the run understands it, too. */
  #writeDecision(call: ToolCall, approval: ApprovalRequest, decision: ApprovalDecision): void {
    const { edited_input = call.input, comment } = decision
    this.#writeToolCall({ ...call, input: edited_input }, approval.title)
    this.#writeApprovalRequest(approval, null)
    this.#write({
      type: 'tool-approval-response',
      approvalId: approval.id,
      approved: decision.decision === 'approve',
      ...(comment !== null && { reason: comment }),
    })
  }

  #writeToolResult({ id, output, is_error, is_refused }: ToolResult): void {
    if (is_refused) {
      this.#write({ type: 'tool-output-denied', toolCallId: id })
    } else if (is_error) {
      const errorText = typeof output === 'string' ? output : JSON.stringify(output)
      this.#write({ type: 'tool-output-error', toolCallId: id, errorText, dynamic: true })
    } else {
      this.#write({ type: 'tool-output-available', toolCallId: id, output, dynamic: true })
    }
  }

  #writeCitation({ number, title, path, excerpt }: Citation): void {
    this.#write({
      type: 'source-document',
      sourceId: String(number),
      mediaType: 'text/plain',
      title,
      providerMetadata: { agentexpress: { path, excerpt } },
    })
  }
}
