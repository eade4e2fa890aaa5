import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Message,
  LanguageModelV4ToolResultOutput,
} from '@ai-sdk/provider'
import { detectLanguage, type Language } from '../../knowledge/languages.ts'
import { unwrapUntrusted } from '../../untrusted-envelope.ts'

/** What a tool gave back for a call of this turn. */
export interface TurnResult {
  toolName: string
  input: unknown
  output: unknown
  /** What went wrong, when the call failed. */
  error: string | null
}

/** Everything the built-in model looks at: the last message of the user and what has been done about it. */
export interface Turn {
  message: string
  /** What the user said before, newest first. */
  earlierMessages: string[]
  language: Language
  instructions: string
  tools: ReadonlySet<string>
  /** Calls made since the message, in their order. */
  results: TurnResult[]
  /** How often tools were called since the message. */
  step: number
}

// Longer messages are pasted documents; what is asked stands at their beginning or end.
const maxMessageChars = 4000

export function readTurn({ prompt, tools, toolChoice }: LanguageModelV4CallOptions): Turn {
  const lastUser = prompt.findLastIndex((message) => message.role === 'user')
  const userTexts = prompt
    .slice(0, lastUser + 1)
    .flatMap((message) => (message.role === 'user' ? [textOf(message)] : []))
  const message = shorten(userTexts.at(-1) ?? '')
  const earlierMessages = userTexts.slice(-6, -1).reverse().map(shorten)
  const since = prompt.slice(lastUser + 1)
  return {
    message,
    earlierMessages,
    language: detectLanguage(message, detectLanguage(earlierMessages.join('\n'))),
    instructions: prompt.flatMap((one) => (one.role === 'system' ? [one.content] : [])).join('\n\n'),
    tools: new Set(toolChoice?.type === 'none' ? [] : (tools ?? []).map((tool) => tool.name)),
    results: readResults(since),
    step: since.filter((one) => one.role === 'tool').length,
  }
}

function textOf(message: Extract<LanguageModelV4Message, { role: 'user' }>): string {
  return message.content
    .flatMap((part) => (part.type === 'text' ? [part.text] : []))
    .join('\n')
    .trim()
}

function shorten(text: string): string {
  const half = maxMessageChars / 2
  return text.length <= maxMessageChars ? text : `${text.slice(0, half)}\n${text.slice(-half)}`
}

function readResults(messages: LanguageModelV4Message[]): TurnResult[] {
  const inputs = new Map<string, unknown>()
  const results: TurnResult[] = []
  for (const message of messages) {
    if (message.role !== 'assistant' && message.role !== 'tool') continue
    for (const part of message.content) {
      if (part.type === 'tool-call') inputs.set(part.toolCallId, part.input)
      if (part.type !== 'tool-result') continue
      const { output, error } = readOutput(part.output)
      results.push({ toolName: part.toolName, input: inputs.get(part.toolCallId), output, error })
    }
  }
  return results
}

function readOutput(output: LanguageModelV4ToolResultOutput): Pick<TurnResult, 'output' | 'error'> {
  switch (output.type) {
    case 'json':
      return { output: output.value, error: null }
    case 'text':
      return { output: parsed(unwrapUntrusted(output.value)), error: null }
    case 'error-json':
      return { output: null, error: errorText(output.value) }
    case 'error-text':
      return { output: null, error: errorText(parsed(unwrapUntrusted(output.value))) }
    case 'execution-denied':
      return { output: null, error: output.reason ?? 'The call was not allowed.' }
    default:
      return { output: null, error: 'The result cannot be read.' }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function errorText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'error' in value) return String(value.error)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
