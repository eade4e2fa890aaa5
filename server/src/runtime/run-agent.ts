import { setTimeout as sleep } from 'node:timers/promises'
import { finishRun, type NewRun, saveProgress } from '../agent-logs/run-log-queries.ts'
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

export interface RunServices {
  config: Config
  log: Log
  database: Database
  models: ModelRegistry
  activeRuns: ActiveRuns
  configuredAgents: ConfiguredAgents
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
    run.onStart?.({ id: run.id, conversationId: run.conversationId ?? run.id, model: loaded.model })
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

/** Hands events on, and writes long answers to the log every few seconds while they grow. */
function keepProgress({ database, log }: RunServices, claims: Claims, run: RunInput) {
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
      run.onEvent?.(event)
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
  return (input_tokens * inputPrice + output_tokens * outputPrice) / 1e6
}

/** The answer has been paid for: when the database is away it is tried again until it is back. */
async function save({ database, log }: RunServices, claims: Claims, run: RunInput, ended: EndedRun): Promise<void> {
  const { outcome, model, costUsd, latencyMs } = ended
  const { steps, citations, error_detail, finish_reason, is_sanitised } = outcome
  const metadata = {
    steps,
    citations,
    finish_reason,
    ...(error_detail === null ? {} : { error_detail }),
    ...(is_sanitised ? { is_sanitised } : {}),
    ...(model.isBuiltIn ? { is_built_in_model: true } : {}),
  }
  const deadline = performance.now() + 60_000
  for (let waitMs = 100; ; waitMs = Math.min(2000, waitMs * 2)) {
    try {
      return await finishRun(database, claims, {
        id: run.id,
        timestamp: run.timestamp,
        outcome,
        model: model.id,
        costUsd,
        latencyMs,
        metadata,
      })
    } catch (error) {
      const isAway = error instanceof AppError && error.code === 'unavailable'
      if (!isAway || performance.now() > deadline) {
        log.error({ err: error, run_id: run.id }, 'the end of a run could not be written; it will end as interrupted')
        throw error
      }
      await sleep(waitMs)
    }
  }
}
