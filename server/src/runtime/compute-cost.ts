import type { Model } from './models/model-registry.ts'
import type { RunOutcome, RunStep, UsedByRun } from './run-types.ts'

/** What these steps used, as the limits count it. */
export function computeUsed(model: Model, steps: readonly RunStep[]): UsedByRun {
  const tokens = {
    input_tokens: toCount(steps.reduce((sum, step) => sum + step.input_tokens, 0)),
    output_tokens: toCount(steps.reduce((sum, step) => sum + step.output_tokens, 0)),
  }
  return { ...tokens, cost_usd: computeCost(model, tokens) ?? 0 }
}

export function computeCost(
  { inputPrice, outputPrice, isBuiltIn }: Model,
  { input_tokens, output_tokens }: Pick<RunOutcome, 'input_tokens' | 'output_tokens'>,
): number | null {
  if (isBuiltIn) return 0
  if (inputPrice === null || outputPrice === null) return null
  const cost = (toCount(input_tokens) * inputPrice + toCount(output_tokens) * outputPrice) / 1e6
  // What the column can hold; no real run costs that much.
  return cost < 1e6 ? cost : null
}

/** Providers count, and some of them count nonsense: what the integer columns can hold. */
export function toCount(tokens: number): number {
  return Number.isFinite(tokens) ? Math.min(Math.max(0, Math.round(tokens)), 2 ** 31 - 1) : 0
}
