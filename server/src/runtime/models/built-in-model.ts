import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4Warning,
} from '@ai-sdk/provider'
import { composeAnswer } from './built-in/compose-answer.ts'
import { composeWithoutTools } from './built-in/compose-without-tools.ts'
import { planToolCalls } from './built-in/plan-tool-calls.ts'
import { readTurn } from './built-in/read-turn.ts'

/**
 * Answers without any provider: calls the tools a message plainly asks for and quotes what they find. It is no language model and
 * says so when asked. The same prompt always gives the same answer; nothing leaves the process.
 */
export function createBuiltInModel(): LanguageModelV4 {
  return {
    specificationVersion: 'v4',
    provider: 'built-in',
    modelId: 'retrieval',
    supportedUrls: {},
    async doGenerate(options) {
      options.abortSignal?.throwIfAborted()
      const content = answer(options)
      return {
        content,
        finishReason: finishReason(content),
        usage: usage(options, content),
        warnings: warnings(options),
      }
    },
    async doStream(options) {
      options.abortSignal?.throwIfAborted()
      return { stream: streamParts(parts(options), options.abortSignal) }
    },
  }
}

type Content = Extract<LanguageModelV4Content, { type: 'text' | 'tool-call' }>

function answer(options: LanguageModelV4CallOptions): Content[] {
  const turn = readTurn(options)
  const calls = planToolCalls(turn)
  if (calls.length === 0) {
    return [{ type: 'text', text: turn.results.length > 0 ? composeAnswer(turn) : composeWithoutTools(turn) }]
  }
  return calls.map(({ toolName, input }, at) => ({
    type: 'tool-call',
    toolCallId: `built_in_${turn.step}_${at}`,
    toolName,
    input: JSON.stringify(input),
  }))
}

function* parts(options: LanguageModelV4CallOptions): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings: warnings(options) }
  const content = answer(options)
  for (const part of content) {
    if (part.type === 'tool-call') {
      yield part
      continue
    }
    yield { type: 'text-start', id: '0' }
    for (const [word] of part.text.matchAll(/\s*\S+\s*/g)) yield { type: 'text-delta', id: '0', delta: word }
    yield { type: 'text-end', id: '0' }
  }
  yield { type: 'finish', finishReason: finishReason(content), usage: usage(options, content) }
}

function streamParts(
  source: Generator<LanguageModelV4StreamPart>,
  signal: AbortSignal | undefined,
): ReadableStream<LanguageModelV4StreamPart> {
  return new ReadableStream(
    {
      pull(controller) {
        if (signal?.aborted) {
          controller.error(signal.reason)
          return
        }
        const next = source.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
    },
    { highWaterMark: 0 },
  )
}

function finishReason(content: Content[]): LanguageModelV4FinishReason {
  const unified = content.some((part) => part.type === 'tool-call') ? 'tool-calls' : 'stop'
  return { unified, raw: unified }
}

/** No tokens, as there is no model that reads them; the words are counted for whoever wants to compare. */
function usage({ prompt }: LanguageModelV4CallOptions, content: Content[]): LanguageModelV4Usage {
  const inputWords = prompt.reduce(
    (sum, { content: said }) =>
      sum +
      (typeof said === 'string'
        ? countWords(said)
        : said.reduce((all, part) => all + ('text' in part ? countWords(part.text) : 0), 0)),
    0,
  )
  const outputWords = content.reduce((sum, part) => sum + (part.type === 'text' ? countWords(part.text) : 0), 0)
  return {
    inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 0, text: 0, reasoning: 0 },
    raw: { input_words: inputWords, output_words: outputWords },
  }
}

function countWords(text: string): number {
  let words = 0
  for (const _ of text.matchAll(/\S+/g)) words++
  return words
}

function warnings({ responseFormat }: LanguageModelV4CallOptions): SharedV4Warning[] {
  if (responseFormat?.type !== 'json') return []
  return [{ type: 'unsupported', feature: 'responseFormat', details: 'The built-in model answers in text.' }]
}
