export interface TestToolCall {
  /** Made up when left out. */
  id?: string
  name: string
  input: unknown
}

/** What a test provider does with one request. Each kind is answered in the wire format of the provider that is played. */
export type TestReply =
  | {
      kind: 'text'
      text: string
      finishReason?: 'stop' | 'length' | 'content-filter'
      usage?: { input: number; output: number }
      /** Before the first byte. */
      delayMs?: number
      /** Between two pieces of a stream, which come word by word. */
      chunkDelayMs?: number
    }
  | { kind: 'tool-calls'; calls: TestToolCall[]; text?: string; usage?: { input: number; output: number } }
  | {
      kind: 'error'
      status: number
      /** The provider's own name of the fault; a fitting one for the status when left out. */
      type?: string
      message?: string
      headers?: Record<string, string>
    }
  /** The faults that providers tell apart in the body, not by the status alone. */
  | { kind: 'quota-exceeded' }
  | { kind: 'context-exceeded' }
  /** An error inside a stream that began with status 200; without streaming the same as `error` 529 (Anthropic) or 503. */
  | { kind: 'stream-error'; afterText?: string }
  /** The connection breaks in the middle of a piece. */
  | { kind: 'cut'; afterText?: string }
  /** The stream ends in good order, but without the provider's end mark. */
  | { kind: 'end-early'; afterText: string }
  /** Not one byte. */
  | { kind: 'hang' }
  /** Text, then silence on an open connection. */
  | { kind: 'stall'; afterText: string }
  /** One byte of the answer at a time. */
  | { kind: 'drip'; text: string; intervalMs: number }
  | { kind: 'html' }
  | { kind: 'invalid-json' }
  | { kind: 'redirect'; to: string }
  /** The bytes given, as they are. */
  | { kind: 'raw'; status: number; headers: Record<string, string>; body: string }

/** What a wire format understood of a request. */
export interface TestRequest {
  model: string
  isStream: boolean
  /** Text of the last user message. */
  input: string
  /** Results of the tools, when the request ends with them. */
  toolResults: string[]
  toolNames: string[]
}

export interface WireError {
  status: number
  body: unknown
}

type Finish = 'stop' | 'length' | 'content-filter' | 'tool-calls'

export interface WireAnswer {
  text: string
  calls: Required<TestToolCall>[]
  finish: Finish
  usage: { input: number; output: number }
}

/** One provider's API: what it demands of a request and how it words answers, streams and errors. */
export interface WireFormat {
  /** Refuses what the real provider refuses, in its own words. */
  parse(
    body: Record<string, unknown>,
    headers: Record<string, string | string[] | undefined>,
    path: string,
  ): TestRequest | WireError
  answer(request: TestRequest, answer: WireAnswer): unknown
  /** Server-sent events, each as the text of its frame; `isWhole` false leaves out everything after the text. */
  stream(request: TestRequest, answer: WireAnswer, isWhole: boolean): string[]
  streamError(): string
  error(status: number, type: string | undefined, message: string | undefined): unknown
  quotaExceeded(): WireError
  contextExceeded(): WireError
}

export function isWireError(value: TestRequest | WireError): value is WireError {
  return 'status' in value
}

/** Cut into words, as models send their tokens. */
export function splitText(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? []
}

export function sse(data: unknown, event?: string): string {
  return `${event ? `event: ${event}\n` : ''}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}
