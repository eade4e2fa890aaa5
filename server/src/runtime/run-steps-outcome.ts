import type { ErrorCode } from '../errors.ts'
import { redact } from './models/redact.ts'
import { sanitiseText } from './models/sanitise-text.ts'
import type { RunState } from './run-steps-state.ts'
import type { RunOutcome } from './run-types.ts'
import type { WaitingState } from './waiting-state.ts'

export type RunEnd =
  | { kind: 'succeeded' }
  | { kind: 'waiting'; state: WaitingState }
  | { kind: 'failed'; code: ErrorCode; detail: string | null; retryAfterMs?: number | null }
  /** The signal says why. */
  | { kind: 'aborted' }

/** A search finds more than an answer uses: cited is what the answer names by its number. */
export function finishRun(state: RunState, end: RunEnd): RunOutcome {
  const { steps } = state
  const citations = state.citations.filter(({ number }) => state.output.includes(`[${number}]`))
  // Numbers that the rest of the answer names are still to come.
  if (end.kind !== 'waiting') for (const citation of citations) state.request.onEvent?.({ kind: 'citation', citation })
  return {
    ...describeEnd(state, end),
    output: state.output,
    steps,
    citations,
    input_tokens: steps.reduce((sum, step) => sum + step.input_tokens, 0),
    output_tokens: steps.reduce((sum, step) => sum + step.output_tokens, 0),
    finish_reason: steps.at(-1)?.finish_reason ?? 'error',
    is_sanitised: state.isSanitised,
    has_untrusted: state.hasUntrusted,
    ...(end.kind === 'waiting' && { waiting: end.state }),
  }
}

type Described = Pick<RunOutcome, 'status' | 'error_code' | 'error_detail' | 'retry_after_seconds'>

function describeEnd(state: RunState, end: RunEnd): Described {
  const none = { error_code: null, error_detail: null, retry_after_seconds: null }
  // An error thrown because the run was aborted is not the reason of its end.
  if (end.kind === 'aborted' || (end.kind === 'failed' && state.signal.aborted))
    return { ...none, ...describeAbort(state) }
  if (end.kind === 'succeeded') return { ...none, status: 'succeeded' }
  if (end.kind === 'waiting') return { ...none, status: 'waiting' }
  const redactKeys = state.request.model.redact ?? redact
  return {
    status: 'failed',
    error_code: end.code,
    error_detail: end.detail === null ? null : sanitiseText(redactKeys(end.detail).slice(0, 500)),
    retry_after_seconds: typeof end.retryAfterMs === 'number' ? Math.ceil(end.retryAfterMs / 1000) : null,
  }
}

function describeAbort({ request, isOutOfTime }: RunState): Pick<RunOutcome, 'status' | 'error_code'> {
  if (request.signal.aborted) {
    const status = request.signal.reason === 'interrupted' ? 'interrupted' : 'cancelled'
    return { status, error_code: status }
  }
  return { status: 'failed', error_code: isOutOfTime ? 'run_timeout' : 'internal_error' }
}
