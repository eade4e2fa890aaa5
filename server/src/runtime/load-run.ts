import { type NewRun, type RunEnd, type StartedRun, startRun, stopRun } from '../agent-logs/run-log-queries.ts'
import type { Capabilities, Settings } from '../agents/capabilities.ts'
import type { Claims } from '../database/database.ts'
import { isAnswerLost } from '../database/database-errors.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { describeRefusal, type RunAllowance, readAllowance } from '../limits/run-limit.ts'
import { findUnconnected } from '../user-agents/missing-integrations.ts'
import { collectTools } from './collect-tools.ts'
import type { Model } from './models/model-registry.ts'
import type { RunServices } from './run-agent.ts'
import type { RunTool } from './tools/run-tool.ts'

export interface LoadedRun {
  agentName: string
  capabilities: Capabilities
  settings: Settings
  model: Model
  tools: RunTool[]
  history: { role: 'user' | 'assistant'; text: string }[]
  /** Content from outside is in the history. */
  hasUntrusted: boolean
  /** The types of what is connected. */
  connectedTypes: readonly string[]
  allowance: RunAllowance
}

// Together with the newest input this stays far below every model's window; older words are in the log, not in the prompt.
const historyCharacters = 24_000

/**
 * Takes the run from the limits, writes the row as `running` and gathers all a run needs. Throws when there is nothing to
 * run or a limit is reached; then there is no row. `onAllowed` is called once it counts.
 */
export async function loadRun(
  services: RunServices,
  claims: Claims,
  run: Omit<NewRun, 'knownSettingsVersion' | 'defaultModel' | 'nodeId'>,
  onAllowed: (allowance: RunAllowance) => void,
): Promise<LoadedRun> {
  const { database, models, configuredAgents, nodeId, unsettledRuns } = services
  const known = configuredAgents.findSettings(run.userAgentId)
  const started = await startRun(database, claims, {
    ...run,
    nodeId,
    defaultModel: models.default.id,
    knownSettingsVersion: known?.version ?? null,
  }).catch((error: unknown) => {
    // The connection may have been lost between the commit and its answer: then the row is there and nobody works on it.
    if (isAnswerLost(error))
      unsettledRuns.add(claims, describeFailure(services, run, 'interrupted'), longestStatementMs)
    throw error
  })
  if (!started) throw new AppError('not_found')
  if (!started.is_active) throw new AppError('agent_not_active')
  if (started.refused) throw await describeRefusal(database, claims, started, run.timestamp)
  if (!started.has_started) throw new AppError('conversation_not_found')
  const allowance = readAllowance(started, run.timestamp)
  onAllowed(allowance)
  return orFailRun(services, claims, run, async () => {
    // The database leaves the settings out only when `known` is what it has.
    const settings = (started.settings as Settings | null) ?? known?.settings ?? {}
    if (started.settings)
      configuredAgents.keepSettings(run.userAgentId, { version: started.settings_version, settings })
    const version = await configuredAgents.getAgentVersion(claims, started.agent_id, started.agent_version)
    const types = inPlan(started.integration_types, allowance)
    requireIntegrations(services, run.userAgentId, version.capabilities, types)
    return {
      agentName: version.name,
      capabilities: version.capabilities,
      settings,
      // A model that the operator no longer offers gives way to the default one; the log says which it was.
      model: (started.model && models.find(started.model)) || models.default,
      tools: await loadTools(services, claims, { ...run, capabilities: version.capabilities, types, allowance }),
      ...readHistory(started.history ?? []),
      connectedTypes: types,
      allowance,
    }
  })
}

/** What was connected under a larger plan stays connected, and is not used. */
export function inPlan(connected: readonly string[], { types }: RunAllowance): readonly string[] {
  return types ? connected.filter((type) => types.includes(type)) : connected
}

/** Throws `integration_missing` when the agent is of no use as it is. */
function requireIntegrations(
  { config, integrationTypes }: RunServices,
  userAgentId: string,
  capabilities: Capabilities,
  types: readonly string[],
): void {
  if (capabilities.integrations.length === 0) return
  const { missing } = findUnconnected(capabilities, types, integrationTypes)
  if (missing.length === 0) return
  const titles = missing.map(({ title }) => title).join(', ')
  const place = `${config.publicUrl ?? ''}/user-agents/${userAgentId}/integrations`
  throw new AppError('integration_missing', {
    detail: `This agent needs ${titles}, which is not connected. Connect it at ${place}.`,
    faults: missing.map(({ type, reason }) => ({ path: `/integrations/${type}`, message: reason ?? 'Not connected.' })),
  })
}

/** The tools of a user agent with integrations of these types. */
export async function loadTools(
  services: RunServices,
  claims: Claims,
  run: { userAgentId: string; capabilities: Capabilities; types: readonly string[]; allowance: RunAllowance },
): Promise<RunTool[]> {
  const connected =
    run.types.length > 0 ? await services.listConnectedTools(claims, run.userAgentId, run.allowance.types) : []
  return collectTools(services.tools, run.capabilities.tools, connected)
}

/** A run whose row is `running` ends as failed when it cannot even begin, or go on. */
export async function orFailRun<Result>(
  services: RunServices,
  claims: Claims,
  run: { id: string; timestamp: Date },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'internal_error'
    await stopRun(services.database, claims, describeFailure(services, run, code)).catch(() =>
      services.unsettledRuns.add(claims, describeFailure(services, run, 'interrupted')),
    )
    throw error
  }
}

// A statement whose client is gone may still be at work until its time limit (time-limits.ts).
export const longestStatementMs = 15_000

/** The end of a run of this server that asked no model, or no more; what it had brought so far stays. */
export function describeFailure(
  { models, nodeId }: Pick<RunServices, 'models' | 'nodeId'>,
  { id, timestamp }: { id: string; timestamp: Date },
  error_code: ErrorCode,
): RunEnd & { stoppedOn: string } {
  const status = error_code === 'interrupted' ? 'interrupted' : 'failed'
  return {
    id,
    timestamp,
    outcome: { ...nothing, status, error_code },
    model: models.default.id,
    costUsd: null,
    latencyMs: 0,
    metadata: {},
    stoppedOn: nodeId,
  }
}

const nothing = {
  output: '',
  error_detail: null,
  retry_after_seconds: null,
  steps: [],
  citations: [],
  input_tokens: 0,
  output_tokens: 0,
  finish_reason: 'error',
  is_sanitised: false,
  has_untrusted: false,
}

/** The newest runs that fit, oldest first. */
function readHistory(runs: NonNullable<StartedRun['history']>): Pick<LoadedRun, 'history' | 'hasUntrusted'> {
  const history: LoadedRun['history'] = []
  let hasUntrusted = false
  let characters = 0
  for (const { input, output, has_untrusted } of runs.toReversed()) {
    characters += input.length + output.length
    if (characters > historyCharacters) break
    history.push({ role: 'assistant', text: output }, { role: 'user', text: input })
    hasUntrusted ||= has_untrusted
  }
  return { history: history.reverse(), hasUntrusted }
}
