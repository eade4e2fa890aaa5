import { finishRun, type NewRun, type RunEnd, startRun } from '../agent-logs/run-log-queries.ts'
import type { Capabilities, Settings } from '../agents/capabilities.ts'
import type { Claims } from '../database/database.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Model } from './models/model-registry.ts'
import type { RunServices } from './run-agent.ts'

export interface LoadedRun {
  agentName: string
  capabilities: Capabilities
  settings: Settings
  model: Model
  history: { role: 'user' | 'assistant'; text: string }[]
}

// Together with the newest input this stays far below every model's window; older words are in the log, not in the prompt.
const historyCharacters = 24_000

/** Writes the row as `running` and gathers all a run needs. Throws when there is nothing to run; then there is no row. */
export async function loadRun(
  services: RunServices,
  claims: Claims,
  run: Omit<NewRun, 'knownSettingsVersion' | 'defaultModel' | 'nodeId'>,
): Promise<LoadedRun> {
  const { database, models, configuredAgents, nodeId, unsettledRuns } = services
  const known = configuredAgents.findSettings(run.userAgentId)
  const failed = (status: 'failed' | 'interrupted', error_code: ErrorCode): RunEnd => ({
    id: run.id,
    timestamp: run.timestamp,
    outcome: { ...nothing, status, error_code },
    model: models.default.id,
    costUsd: null,
    latencyMs: 0,
    metadata: {},
  })
  const started = await startRun(database, claims, {
    ...run,
    nodeId,
    defaultModel: models.default.id,
    knownSettingsVersion: known?.version ?? null,
  }).catch((error: unknown) => {
    // The connection may have been lost between the commit and its answer: then the row is there and nobody works on it.
    if (error instanceof AppError && error.code === 'unavailable')
      unsettledRuns.add(claims, failed('interrupted', 'interrupted'), longestStatementMs)
    throw error
  })
  if (!started) throw new AppError('not_found')
  if (!started.is_active) throw new AppError('agent_not_active')
  if (!started.has_started) throw new AppError('conversation_not_found')
  try {
    // The database leaves the settings out only when `known` is what it has.
    const settings = (started.settings as Settings | null) ?? known?.settings ?? {}
    if (started.settings)
      configuredAgents.keepSettings(run.userAgentId, { version: started.settings_version, settings })
    const version = await configuredAgents.getAgentVersion(claims, started.agent_id, started.agent_version)
    return {
      agentName: version.name,
      capabilities: version.capabilities,
      settings,
      // A model that the operator no longer offers gives way to the default one; the log says which it was.
      model: (started.model && models.find(started.model)) || models.default,
      history: cutHistory(started.history ?? []),
    }
  } catch (error) {
    await finishRun(
      database,
      claims,
      failed('failed', error instanceof AppError ? error.code : 'internal_error'),
    ).catch(() => unsettledRuns.add(claims, failed('interrupted', 'interrupted')))
    throw error
  }
}

// A statement whose client is gone may still be at work until its time limit (server-role.ts).
const longestStatementMs = 15_000

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
}

/** The newest runs that fit, oldest first. */
function cutHistory(runs: { input: string; output: string }[]): LoadedRun['history'] {
  const kept: LoadedRun['history'] = []
  let characters = 0
  for (const { input, output } of runs.toReversed()) {
    characters += input.length + output.length
    if (characters > historyCharacters) break
    kept.push({ role: 'assistant', text: output }, { role: 'user', text: input })
  }
  return kept.reverse()
}
