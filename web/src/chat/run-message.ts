import type { UIMessage } from 'ai'
import { getToolName, isToolUIPart } from 'ai'

export interface ShownCitation {
  number: number
  title: string
  path: string
  excerpt: string
}

export interface ShownToolCall {
  id: string
  name: string
  input: unknown
  /** What it does, in words, where the server says it. */
  title?: string
  /** Absent while the tool works or waits. */
  result?: ShownToolResult
  /** Present when its owner was asked for it and nothing came of it yet. */
  approval?: { id: string; isDecided: boolean }
}

export interface ShownToolResult {
  output: unknown
  is_error: boolean
  duration_ms?: number
  is_refused?: boolean
  is_untrusted?: boolean
  /** The whole of an output that the model got the beginning of. */
  full_output?: unknown
}

/** What the server tells about a run beside its text; the answer's message carries it as metadata. */
export interface RunMetadata {
  run_id?: string
  conversation_id?: string
  model?: string | null
  is_built_in_model?: boolean
  status?: 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted'
  latency_ms?: number | null
  error_code?: string | null
  error_title?: string | null
  error_action?: string | null
  rating?: -1 | 1 | null
  rating_comment?: string | null
  citations?: ShownCitation[]
}

/** A message of the chat. The id of an answer is its run's id. */
export type RunMessage = UIMessage<RunMetadata>

type Part = RunMessage['parts'][number]

export function textOf(message: RunMessage): string {
  return message.parts
    .filter((part) => part.type === 'text')
    .map((part) => part.text)
    .join('\n\n')
    .trim()
}

export function toolCallOf(part: Part): ShownToolCall | null {
  if (!isToolUIPart(part)) return null
  const call: ShownToolCall = { id: part.toolCallId, name: getToolName(part), input: part.input }
  if (part.title) call.title = part.title
  if (part.state === 'output-available') call.result = { output: part.output, is_error: false }
  if (part.state === 'output-error') call.result = { output: part.errorText, is_error: true }
  if (part.state === 'output-denied')
    call.result = { output: part.approval.reason ?? '', is_error: false, is_refused: true }
  if (part.state === 'approval-requested') call.approval = { id: part.approval.id, isDecided: false }
  if (part.state === 'approval-responded') call.approval = { id: part.approval.id, isDecided: true }
  return call
}

/** The citations of an answer: as metadata from a log, or as source parts while it streams. Ordered by their number. */
export function citationsOf(message: RunMessage): ShownCitation[] {
  const known = message.metadata?.citations
  const citations = known ?? message.parts.map(citationOfPart).filter((citation) => citation !== null)
  return [...citations].sort((a, b) => a.number - b.number)
}

function citationOfPart(part: Part, index: number): ShownCitation | null {
  if (part.type !== 'source-document') return null
  const details = Object.values(part.providerMetadata ?? {})[0] ?? {}
  const number = Number(details.number ?? part.sourceId)
  return {
    number: Number.isFinite(number) ? number : index + 1,
    title: part.title,
    path: typeof details.path === 'string' ? details.path : '',
    excerpt: typeof details.excerpt === 'string' ? details.excerpt : '',
  }
}

/** The conversation these messages belong to; undefined until the server gave the first run one. */
export function conversationIdOf(messages: RunMessage[]): string | undefined {
  return messages.findLast((message) => message.metadata?.conversation_id)?.metadata?.conversation_id
}
