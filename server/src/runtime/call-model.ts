import { setTimeout as sleep } from 'node:timers/promises'
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import type { ModelAnswer } from './call-model-answer.ts'
import { readGenerated, readStream } from './call-model-answer.ts'
import { type ModelFailure, mapModelError } from './map-model-error.ts'

const maxRetries = 2
const longestWaitMs = 20_000

export interface ModelCall {
  languageModel: LanguageModelV4
  options: LanguageModelV4CallOptions & { abortSignal: AbortSignal }
  /** When the run must be over, on the clock of `performance.now()`. */
  deadline: number
  retryDelayMs: number
  redact?: (text: string) => string
  /** Present: the model streams. Once it has been given text, the call is not repeated. */
  onText?: (text: string) => void
}

export type ModelCallResult =
  | { kind: 'answered'; answer: ModelAnswer; retries: number }
  /** `answer` holds what came before the failure. */
  | { kind: 'failed'; failure: ModelFailure; answer: ModelAnswer | null; retries: number }
  | { kind: 'aborted'; answer: ModelAnswer | null; retries: number }

/** One answer of a model; asks again where the provider's documentation says that it helps and nothing was shown yet. */
export async function callModel(call: ModelCall): Promise<ModelCallResult> {
  const { abortSignal } = call.options
  for (let retries = 0; ; retries++) {
    const startedAt = performance.now()
    const attempt = await attemptCall(call)
    if (attempt.kind === 'answered') return { ...attempt, retries }
    if (abortSignal.aborted) return { kind: 'aborted', answer: attempt.answer, retries }
    const failed: ModelCallResult = { ...attempt, retries }
    const { failure, answer } = attempt
    const isShown = call.onText !== undefined && answer !== null && answer.text !== ''
    if (!failure.isRetryable || isShown || retries >= maxRetries) return failed
    const remainingMs = call.deadline - performance.now()
    // A provider that hung once is given the same time once more, if there is so much.
    const isHanging = failure.code === 'model_timeout'
    if (isHanging && (retries > 0 || remainingMs < performance.now() - startedAt)) return failed
    const waitMs = failure.retryAfterMs ?? call.retryDelayMs * 2 ** retries * (0.75 + Math.random() / 2)
    if (waitMs > longestWaitMs || waitMs >= remainingMs) return failed
    try {
      await sleep(waitMs, undefined, { signal: abortSignal })
    } catch {
      return { kind: 'aborted', answer: null, retries }
    }
  }
}

type Attempt =
  | { kind: 'answered'; answer: ModelAnswer }
  | { kind: 'failed'; failure: ModelFailure; answer: ModelAnswer | null }

async function attemptCall({ languageModel, options, redact, onText }: ModelCall): Promise<Attempt> {
  try {
    if (!onText) return { kind: 'answered', answer: readGenerated(await languageModel.doGenerate(options)) }
    const { stream } = await languageModel.doStream(options)
    const { answer, error } = await readStream(stream, options.abortSignal, onText)
    if (error === undefined) return { kind: 'answered', answer }
    return { kind: 'failed', failure: toStreamFailure(error, answer, redact), answer }
  } catch (error) {
    return { kind: 'failed', failure: mapModelError(error, redact), answer: null }
  }
}

/** A connection that breaks in the middle of an answer is a cut answer, not a provider that is out of reach. */
function toStreamFailure(error: unknown, answer: ModelAnswer, redact?: (text: string) => string): ModelFailure {
  const failure = mapModelError(error, redact)
  return failure.code === 'model_unreachable'
    ? { ...failure, code: 'model_stream_cut', isRetryable: answer.text === '' }
    : failure
}
