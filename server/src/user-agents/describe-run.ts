import { type ErrorCode, errorTable } from '../errors.ts'
import type { Citation, RunStep } from '../runtime/run-types.ts'
import type { RunResult } from './begin-run.ts'

/** A run as the API shows it, fresh or read back from the log; what a waiting one asks for is added by who answers. */
export function describeRun(result: RunResult) {
  if (result.kind === 'ran') {
    const { id, conversationId, outcome, model, costUsd, latencyMs } = result.run
    return {
      id,
      conversation_id: conversationId,
      status: outcome.status,
      output: outcome.output,
      error: describeError(outcome.error_code),
      citations: outcome.citations,
      model: model.id,
      is_built_in_model: model.isBuiltIn,
      input_tokens: outcome.input_tokens,
      output_tokens: outcome.output_tokens,
      cost_usd: costUsd,
      latency_ms: latencyMs,
      steps: outcome.steps.map(withoutFullOutputs),
      approvals: [],
    }
  }
  const { row } = result
  // Written by runAgent alone, in this shape.
  const metadata = row.metadata as { steps?: RunStep[]; citations?: Citation[]; is_built_in_model?: boolean }
  return {
    id: row.id,
    conversation_id: row.conversation_id,
    status: row.status,
    output: row.output,
    error: describeError(row.error_code),
    citations: metadata.citations ?? [],
    model: row.model,
    is_built_in_model: metadata.is_built_in_model ?? false,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cost_usd: row.cost_usd === null ? null : Number(row.cost_usd),
    latency_ms: row.latency_ms,
    steps: (metadata.steps ?? []).map(withoutFullOutputs),
    approvals: [],
  }
}

/** The whole of long results is for the log; an answer has what the model got. */
function withoutFullOutputs(step: RunStep): RunStep {
  if (step.tool_results.every((result) => result.full_output === undefined)) return step
  return { ...step, tool_results: step.tool_results.map(({ full_output: _, ...result }) => result) }
}

function describeError(code: string | null): { code: ErrorCode; title: string; detail: string } | null {
  if (code === null) return null
  const known: ErrorCode = code in errorTable ? (code as ErrorCode) : 'internal_error'
  const [, title, detail] = errorTable[known]
  return { code: known, title, detail }
}
