import type { UIMessageChunk } from 'ai'
import type { RunEvent } from '../runtime/run-types.ts'

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
export function createUiMessageWriter(send: (data: string) => void) {
  const write = (chunk: UIMessageChunk<RunMessageMetadata>) => send(JSON.stringify(chunk))
  let textPart = 0
  let isTextOpen = false
  let isStepOpen = false

  function openText(): string {
    if (!isStepOpen) {
      write({ type: 'start-step' })
      isStepOpen = true
    }
    if (!isTextOpen) {
      textPart += 1
      write({ type: 'text-start', id: `text-${textPart}` })
      isTextOpen = true
    }
    return `text-${textPart}`
  }

  function closeText(): void {
    if (isTextOpen) write({ type: 'text-end', id: `text-${textPart}` })
    isTextOpen = false
  }

  function closeStep(): void {
    closeText()
    if (isStepOpen) write({ type: 'finish-step' })
    isStepOpen = false
  }

  function event(event: RunEvent): void {
    switch (event.kind) {
      case 'text-delta':
        write({ type: 'text-delta', id: openText(), delta: event.text })
        break
      case 'tool-call':
        closeText()
        write({
          type: 'tool-input-available',
          toolCallId: event.call.id,
          toolName: event.call.name,
          input: event.call.input,
          dynamic: true,
        })
        break
      case 'tool-result':
        if (event.result.is_error) {
          write({
            type: 'tool-output-error',
            toolCallId: event.result.id,
            errorText: asText(event.result.output),
            dynamic: true,
          })
        } else {
          write({
            type: 'tool-output-available',
            toolCallId: event.result.id,
            output: event.result.output,
            dynamic: true,
          })
        }
        break
      case 'citation':
        write({
          type: 'source-document',
          sourceId: String(event.citation.number),
          mediaType: 'text/plain',
          title: event.citation.title,
          providerMetadata: { agentexpress: { path: event.citation.path, excerpt: event.citation.excerpt } },
        })
        break
      case 'step-end':
        closeStep()
        break
    }
  }

  return {
    start: (messageId: string, messageMetadata: RunMessageMetadata) =>
      write({ type: 'start', messageId, messageMetadata }),
    event,
    end({ status, error, input_tokens, output_tokens, cost_usd, latency_ms }: RunEnd) {
      closeStep()
      write({
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
      if (status === 'cancelled') return write({ type: 'abort' })
      if (error) write({ type: 'error', errorText: error.title })
      write({ type: 'finish' })
    },
    fail: (text: string) => write({ type: 'error', errorText: text }),
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
