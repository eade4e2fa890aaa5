import { setTimeout as sleep } from 'node:timers/promises'
import { finishRun, type NewRun, type RunEnd, saveProgress } from '../agent-logs/run-log-queries.ts'
import type { Config } from '../config.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ActiveRuns } from './active-runs.ts'
import type { ConfiguredAgents } from './configured-agents.ts'
import { loadRun } from './load-run.ts'
import type { Model, ModelRegistry } from './models/model-registry.ts'
import { runSteps } from './run-steps.ts'
import type { RunEvent, RunOutcome } from './run-types.ts'
import type { RunTool } from './tools/run-tool.ts'
import type { UnsettledRuns } from './unsettled-runs.ts'

export interface RunServices {
  config: Config
  log: Log
  database: Database
  models: ModelRegistry
  activeRuns: ActiveRuns
  configuredAgents: ConfiguredAgents
  unsettledRuns: UnsettledRuns
  tools: Map<string, RunTool>
  nodeId: string
  /** Asks the other servers on this database to cancel a run that is not on this one. */
  cancelElsewhere(runId: string): Promise<void>
}

export interface RunInput
  extends Pick<NewRun, 'id' | 'timestamp' | 'userAgentId' | 'conversationId' | 'input' | 'source'> {
  metadata?: Record<string, unknown>
  /** Earlier messages that the caller keeps itself; replaces the memory of the conversation. */
  history?: { role: 'user' | 'assistant'; text: string }[]
  /** What the calling program tells the model besides the agent's own instructions. */
  extraInstructions?: string
  /** Aborted when the caller goes away. */
  callerSignal?: AbortSignal
  /** Called once the row is written and the model is about to be asked. */
  onStart?: (started: { id: string; conversationId: string; model: Model }) => void
  onEvent?: (event: RunEvent) => void
}

export interface EndedRun {
  id: string
  conversationId: string
  model: Model
  outcome: RunOutcome
  costUsd: number | null
  latencyMs: number
}

const progressEveryMs = 2000

/** One run from the row `running` to the row that says how it ended. Throws only when nothing was run. */
export async function runAgent(services: RunServices, claims: Claims, run: RunInput): Promise<EndedRun> {
  const startedAt = performance.now()
  const slot = services.activeRuns.begin(run.id, claims.sub)
  const onCallerGone = () => slot.abort('cancelled')
  run.callerSignal?.addEventListener('abort', onCallerGone, { once: true })
  if (run.callerSignal?.aborted) onCallerGone()
  try {
    const loaded = await loadRun(services, claims, { ...run, metadata: run.metadata ?? {} })
    callCaller(services, run, () =>
      run.onStart?.({ id: run.id, conversationId: run.conversationId ?? run.id, model: loaded.model }),
    )
    const { config, tools } = services
    const progress = run.onEvent ? keepProgress(services, claims, run) : null
    const outcome = await runSteps(
      {
        ...loaded,
        history: run.history ?? loaded.history,
        extraInstructions: run.extraInstructions,
        input: run.input,
        limits: config.runs,
        signal: slot.signal,
        onEvent: progress?.onEvent,
      },
      loaded.capabilities.tools.flatMap((name) => tools.get(name) ?? []),
    )
    progress?.stop()
    const latencyMs = Math.round(performance.now() - startedAt)
    const ended: EndedRun = {
      id: run.id,
      conversationId: run.conversationId ?? run.id,
      model: loaded.model,
      outcome,
      costUsd: computeCost(loaded.model, outcome),
      latencyMs,
    }
    await save(services, claims, run, ended)
    return ended
  } finally {
    run.callerSignal?.removeEventListener('abort', onCallerGone)
    slot.end()
  }
}

/** Whoever listens to a run may fail; the row is written, so the run goes on to its end. */
function callCaller({ log }: RunServices, run: RunInput, call: () => void): void {
  try {
    call()
  } catch (error) {
    log.error({ err: error, run_id: run.id }, 'a run could not be shown to its caller')
  }
}

/** Hands events on, and writes long answers to the log every few seconds while they grow. */
function keepProgress(services: RunServices, claims: Claims, run: RunInput) {
  const { database, log } = services
  let text = ''
  let savedLength = 0
  let saving: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    if (text.length === savedLength) return
    savedLength = text.length
    saving = saveProgress(database, claims, run, text.replaceAll('\u0000', '\uFFFD').toWellFormed()).catch(
      (error: unknown) => log.warn({ err: error, run_id: run.id }, 'progress was not saved'),
    )
  }, progressEveryMs)
  return {
    onEvent(event: RunEvent) {
      if (event.kind === 'text-delta') text += event.text
      callCaller(services, run, () => run.onEvent?.(event))
    },
    stop() {
      clearInterval(timer)
      return saving
    },
  }
}

function computeCost(
  { inputPrice, outputPrice, isBuiltIn }: Model,
  { input_tokens, output_tokens }: RunOutcome,
): number | null {
  if (isBuiltIn) return 0
  if (inputPrice === null || outputPrice === null) return null
  const cost = (toCount(input_tokens) * inputPrice + toCount(output_tokens) * outputPrice) / 1e6
  // What the column can hold; no real run costs that much.
  return cost < 1e6 ? cost : null
}

/** Providers count, and some of them count nonsense: what the integer columns can hold. */
function toCount(tokens: number): number {
  return Number.isFinite(tokens) ? Math.min(Math.max(0, Math.round(tokens)), 2 ** 31 - 1) : 0
}

/** The answer has been paid for: when the database is away it is tried again until it is back. */
async function save(services: RunServices, claims: Claims, run: RunInput, ended: EndedRun): Promise<void> {
  const { database, log, unsettledRuns } = services
  let end = describeEnd(run, ended)
  const deadline = performance.now() + 60_000
  for (let waitMs = 100; ; waitMs = Math.min(2000, waitMs * 2)) {
    try {
      return await finishRun(database, claims, end)
    } catch (error) {
      const isAway = error instanceof AppError && error.code === 'unavailable'
      if (isAway && performance.now() < deadline) {
        await sleep(waitMs)
        continue
      }
      log.error({ err: error, run_id: run.id }, 'the end of a run could not be written')
      if (isAway || 'is_reduced' in end.metadata) {
        unsettledRuns.add(claims, end)
        throw error
      }
      // A step that PostgreSQL cannot keep must not cost the answer.
      end = { ...end, metadata: { is_reduced: true } }
    }
  }
}

function describeEnd({ id, timestamp }: RunInput, { outcome, model, costUsd, latencyMs }: EndedRun): RunEnd {
  const { steps, citations, error_detail, finish_reason, is_sanitised } = outcome
  return {
    id,
    timestamp,
    outcome: {
      ...outcome,
      input_tokens: toCount(outcome.input_tokens),
      output_tokens: toCount(outcome.output_tokens),
    },
    model: model.id,
    costUsd,
    latencyMs,
    metadata: {
      steps,
      citations,
      finish_reason,
      ...(error_detail === null ? {} : { error_detail }),
      ...(is_sanitised ? { is_sanitised } : {}),
      ...(model.isBuiltIn ? { is_built_in_model: true } : {}),
    },
  }
}
