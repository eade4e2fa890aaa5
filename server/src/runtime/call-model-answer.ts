import {
  InvalidResponseDataError,
  type LanguageModelV4Content,
  type LanguageModelV4GenerateResult,
  type LanguageModelV4Message,
  type LanguageModelV4StreamPart,
  type LanguageModelV4Usage,
  type SharedV4ProviderMetadata,
} from '@ai-sdk/provider'
import { TextSanitiser } from './models/sanitise-text.ts'

type AssistantPart = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'][number]

/** A tool call as the model wrote it: `input` is the text of its JSON, which may be broken. */
export interface RawToolCall {
  id: string
  name: string
  input: string
}

export interface ModelAnswer {
  text: string
  toolCalls: RawToolCall[]
  /** The answer as the next prompt must repeat it, with the signatures that reasoning models demand back. */
  content: AssistantPart[]
  finishReason: string
  /** null: the provider did not count. */
  inputTokens: number | null
  outputTokens: number | null
  isSanitised: boolean
}

export function readGenerated(result: LanguageModelV4GenerateResult): ModelAnswer {
  const answer = emptyAnswer()
  const sanitiser = new TextSanitiser()
  for (const part of result.content) addPart(answer, part)
  for (const part of answer.content) {
    if (part.type !== 'text') continue
    part.text = sanitiser.push(part.text) + sanitiser.flush()
    answer.text += part.text
  }
  answer.isSanitised = sanitiser.isSanitised
  answer.finishReason = result.finishReason.unified
  setUsage(answer, result.usage)
  return answer
}

/**
 * Reads a stream to its end, to its first error or until the signal aborts, and never throws. `error` is undefined only
 * when the provider itself said that the answer is complete.
 */
export async function readStream(
  stream: ReadableStream<LanguageModelV4StreamPart>,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<{ answer: ModelAnswer; error?: unknown }> {
  const answer = emptyAnswer()
  const sanitiser = new TextSanitiser()
  const open = new Map<string, Extract<AssistantPart, { type: 'text' | 'reasoning' }>>()
  const reader = stream.getReader()
  const stop = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', stop)
  const show = (text: string) => {
    if (text === '') return
    answer.text += text
    onText(text)
  }
  let error: unknown
  let isFinished = false
  try {
    for (;;) {
      const { done, value: part } = await reader.read()
      if (done) break
      if (part.type === 'text-delta') show(sanitiser.push(part.delta))
      if (part.type === 'error') {
        error = part.error ?? new Error('The provider sent an error without a reason.')
        break
      }
      if (part.type === 'finish') {
        answer.finishReason = part.finishReason.unified
        setUsage(answer, part.usage)
        isFinished = part.finishReason.unified !== 'interrupted'
      } else addStreamPart(answer, open, part)
    }
  } catch (thrown) {
    error = thrown ?? new Error('The stream broke.')
  } finally {
    signal.removeEventListener('abort', stop)
    show(sanitiser.flush())
  }
  if (error !== undefined) stop()
  else if (!isFinished)
    error = new InvalidResponseDataError({ data: undefined, message: 'The stream ended without its end mark.' })
  answer.isSanitised = sanitiser.isSanitised
  return { answer, error }
}

function addStreamPart(
  answer: ModelAnswer,
  open: Map<string, Extract<AssistantPart, { type: 'text' | 'reasoning' }>>,
  part: LanguageModelV4StreamPart,
) {
  switch (part.type) {
    case 'text-start':
    case 'reasoning-start': {
      const type = part.type === 'text-start' ? ('text' as const) : ('reasoning' as const)
      const opened = { type, text: '', ...toOptions(part.providerMetadata) }
      open.set(type + part.id, opened)
      answer.content.push(opened)
      break
    }
    case 'text-delta':
    case 'reasoning-delta':
    case 'text-end':
    case 'reasoning-end': {
      const opened = open.get(part.type.slice(0, part.type.indexOf('-')) + part.id)
      if (!opened) break
      if ('delta' in part) opened.text += part.delta
      // Signatures come with the last pieces and stand for the whole part.
      if (part.providerMetadata) opened.providerOptions = part.providerMetadata
      break
    }
    case 'tool-call':
      addPart(answer, part)
      break
  }
}

function addPart(answer: ModelAnswer, part: LanguageModelV4Content) {
  if (part.type === 'text' || part.type === 'reasoning') {
    answer.content.push({ type: part.type, text: part.text, ...toOptions(part.providerMetadata) })
  } else if (part.type === 'tool-call' && !part.providerExecuted) {
    const { toolCallId, toolName, input } = part
    answer.toolCalls.push({ id: toolCallId, name: toolName, input })
    answer.content.push({ type: 'tool-call', toolCallId, toolName, input, ...toOptions(part.providerMetadata) })
  }
}

const toOptions = (metadata: SharedV4ProviderMetadata | undefined) => (metadata ? { providerOptions: metadata } : {})

function setUsage(answer: ModelAnswer, usage: LanguageModelV4Usage) {
  answer.inputTokens = usage.inputTokens.total ?? null
  answer.outputTokens = usage.outputTokens.total ?? null
}

const emptyAnswer = (): ModelAnswer => ({
  text: '',
  toolCalls: [],
  content: [],
  finishReason: 'error',
  inputTokens: null,
  outputTokens: null,
  isSanitised: false,
})
