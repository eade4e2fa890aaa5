import { type NewRun, saveProgress } from '../agent-logs/run-log-queries.ts'
import type { Config } from '../config.ts'
import type { Claims, Database } from '../database/database.ts'
import type { IntegrationType } from '../integrations/integration-type.ts'
import type { ConnectedTool } from '../integrations/list-connected-tools.ts'
import type { RunAllowance } from '../limits/run-limit.ts'
import type { Log } from '../log.ts'
import type { ActiveRuns, RunSlot } from './active-runs.ts'
import { computeCost, computeUsed } from './compute-cost.ts'
import type { ConfiguredAgents } from './configured-agents.ts'
import { type LoadedRun, loadRun } from './load-run.ts'
import type { Model, ModelRegistry } from './models/model-registry.ts'
import { openRunMemories } from './run-memories.ts'
import { runSteps } from './run-steps.ts'
import type { ResumedRun, RunEvent, RunOutcome, UsedByRun } from './run-types.ts'
import { describeRunEnd, saveRunEnd } from './save-run-end.ts'
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
  /** Our own tools, by name. */
  tools: Map<string, RunTool>
  /** Kinds of accounts that can be connected. */
  integrationTypes: readonly IntegrationType[]
  /** The tools of what is connected to a user agent, those its owner switched off as well. */
  listConnectedTools(
    claims: Claims,
    userAgentId: string,
    /** Those the plan includes; null for all. */
    types: readonly string[] | null,
  ): Promise<ConnectedTool[]>
  /** Keeps a message for the webhooks that asked for it; asks nobody outside, and never throws. */
  tellRunEnded(
    claims: Claims,
    run: Pick<RunInput, 'userAgentId' | 'input'>,
    ended: EndedRun,
    connectedTypes: readonly string[],
  ): Promise<void>
  nodeId: string
  /** Asks the other servers on this database to cancel a run that is not on this one. */
  cancelElsewhere(runId: string): Promise<void>
}

/** Whoever waits for a run. */
export interface RunCaller {
  /** Aborted when the caller goes away. */
  callerSignal?: AbortSignal
  /** Called once the run counts for the limits, before anything else. */
  onAllowed?: (allowance: RunAllowance) => void
  /** Called once the row is written and the model is about to be asked. */
  onStart?: (started: { id: string; conversationId: string; model: Model }) => void
  onEvent?: (event: RunEvent) => void
}

export interface RunInput
  extends RunCaller,
    Pick<NewRun, 'id' | 'timestamp' | 'userAgentId' | 'conversationId' | 'input' | 'source'> {
  metadata?: Record<string, unknown>
  /** Earlier messages that the caller keeps itself; replaces the memory of the conversation. */
  history?: { role: 'user' | 'assistant'; text: string }[]
  /** What the calling program tells the model besides the agent's own instructions. */
  extraInstructions?: string
}

export interface EndedRun {
  id: string
  conversationId: string
  model: Model
  outcome: RunOutcome
  costUsd: number | null
  /** Of a run that went on after it waited: what it used since. */
  used?: UsedByRun
  latencyMs: number
  /** When the status is `waiting`: until when it does. */
  expiresAt: Date
}

const progressEveryMs = 2000

/** One run from the row `running` to the row that says how it ended. Throws only when nothing was run. */
export async function runAgent(services: RunServices, claims: Claims, run: RunInput): Promise<EndedRun> {
  const startedAt = performance.now()
  const slot = services.activeRuns.begin(run.id, claims.sub)
  return inSlot(slot, run, async () => {
    const loaded = await loadRun(services, claims, { ...run, metadata: run.metadata ?? {} }, (allowance) =>
      callCaller(services, run, () => run.onAllowed?.(allowance)),
    )
    const { history = loaded.history } = run
    // What an answer of ours rested on is not known any more when the caller brings it back.
    const hasUntrusted = run.history ? run.history.some(({ role }) => role === 'assistant') : loaded.hasUntrusted
    return performRun(services, claims, run, { ...loaded, history, hasUntrusted }, { slot, startedAt })
  })
}

/** Keeps the place among the running ones until the work is over; the work is cancelled when the caller goes away. */
export async function inSlot<Result>(
  slot: RunSlot,
  { callerSignal }: RunCaller,
  work: () => Promise<Result>,
): Promise<Result> {
  const onCallerGone = () => slot.abort('cancelled')
  callerSignal?.addEventListener('abort', onCallerGone, { once: true })
  if (callerSignal?.aborted) onCallerGone()
  try {
    return await work()
  } finally {
    callerSignal?.removeEventListener('abort', onCallerGone)
    slot.end()
  }
}

interface RunPart {
  slot: RunSlot
  startedAt: number
  /** Present: the run goes on after it waited. */
  resume?: ResumedRun & { latencyMs: number }
}

/** The steps of a run whose row is `running`, up to the row that says how it ended or that it waits. */
export async function performRun(
  services: RunServices,
  claims: Claims,
  run: Omit<RunInput, 'metadata' | 'history' | 'source'>,
  { tools, connectedTypes, allowance, ...loaded }: LoadedRun,
  { slot, startedAt, resume }: RunPart,
): Promise<EndedRun> {
  const conversationId = run.conversationId ?? run.id
  callCaller(services, run, () => run.onStart?.({ id: run.id, conversationId, model: loaded.model }))
  const { runs } = services.config
  const progress = run.onEvent ? keepProgress(services, claims, run, { ...loaded, ...resume?.state }) : null
  const outcome = await runSteps(
    {
      ...loaded,
      extraInstructions: run.extraInstructions,
      input: run.input,
      memories: openRunMemories(services.database, claims, run.userAgentId),
      limits: { ...runs, ...(allowance.cost && { cost: allowance.cost }) },
      signal: slot.signal,
      onEvent: progress?.onEvent,
      ...(resume && { resume }),
    },
    tools,
  )
  // The end of a run and what it had so far change the same row.
  await progress?.stop()
  const ended: EndedRun = {
    id: run.id,
    conversationId,
    model: loaded.model,
    outcome,
    ...(resume && { used: computeUsed(loaded.model, outcome.steps.slice(resume.steps.length)) }),
    costUsd: computeCost(loaded.model, outcome),
    latencyMs: Math.round(performance.now() - startedAt) + (resume?.latencyMs ?? 0),
    expiresAt: new Date(Date.now() + runs.approvalExpiresMs),
  }
  const written = await saveRunEnd(services, claims, ended, describeRunEnd(run, ended))
  // Not before they are in the database: whoever is asked may answer at once.
  for (const approval of written.outcome.waiting?.approvals ?? [])
    callCaller(services, run, () => run.onEvent?.({ kind: 'approval-request', approval, expiresAt: ended.expiresAt }))
  if (!written.outcome.waiting) await services.tellRunEnded(claims, run, written, connectedTypes)
  return written
}

/** Whoever listens to a run may fail; the row is written, so the run goes on to its end. */
function callCaller({ log }: RunServices, run: { id: string }, call: () => void): void {
  try {
    call()
  } catch (error) {
    log.error({ err: error, run_id: run.id }, 'a run could not be shown to its caller')
  }
}

/** Hands events on, and writes long answers to the log every few seconds while they grow. */
function keepProgress(
  services: RunServices,
  claims: Claims,
  run: RunCaller & { id: string; timestamp: Date },
  before: { output?: string; hasUntrusted: boolean; has_untrusted?: boolean },
) {
  const { database, log } = services
  let text = before.output ?? ''
  let hasUntrusted = before.hasUntrusted || before.has_untrusted === true
  let savedLength = text.length
  let saving: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    if (text.length === savedLength) return
    savedLength = text.length
    const storable = text.replaceAll('\u0000', '\uFFFD').toWellFormed()
    saving = saveProgress(database, claims, run, storable, hasUntrusted).catch((error: unknown) =>
      log.warn({ err: error, run_id: run.id }, 'progress was not saved'),
    )
  }, progressEveryMs)
  return {
    onEvent(event: RunEvent) {
      if (event.kind === 'text-delta') text += event.text
      if (event.kind === 'tool-result' && event.result.is_untrusted) hasUntrusted = true
      callCaller(services, run, () => run.onEvent?.(event))
    },
    stop() {
      clearInterval(timer)
      return saving
    },
  }
}
