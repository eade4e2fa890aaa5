import { findContinuedUserAgent } from '../agent-logs/run-log-queries.ts'
import type { Settings } from '../agents/capabilities.ts'
import type { ClaimedRun } from '../approvals/decide-approval.ts'
import type { Claims } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { RunAllowance } from '../limits/run-limit.ts'
import { inPlan, type LoadedRun, loadTools, orFailRun } from './load-run.ts'
import { type EndedRun, inSlot, performRun, type RunCaller, type RunServices } from './run-agent.ts'
import { toEarlierNames } from './run-steps-approvals.ts'
import type { RunStep } from './run-types.ts'

/** The rest of a run that waited, by the server that claimed it; any may, it needs nothing that the first one knew. */
export function continueRun(
  services: RunServices,
  claims: Claims,
  { waited, log, decisions, slot, allowance }: ClaimedRun,
  caller: Omit<RunCaller, 'callerSignal'>,
): Promise<EndedRun> {
  const startedAt = performance.now()
  const run = {
    ...caller,
    id: waited.log_id,
    timestamp: waited.log_timestamp,
    userAgentId: waited.user_agent_id,
    conversationId: log.conversation_id,
    input: log.input,
  }
  return inSlot(slot, {}, async () => {
    const loaded = await orFailRun(services, claims, run, () => reloadRun(services, claims, waited, allowance))
    const resume = {
      state: waited.state,
      steps: [...readSteps(log.metadata).slice(0, -1), waited.state.step],
      decisions,
      latencyMs: log.latency_ms ?? 0,
    }
    return performRun(services, claims, run, loaded, { slot, startedAt, resume })
  })
}

/** What has to be as it is now: whether the agent is on, its settings, and above all which tools it may still use. */
async function reloadRun(
  services: RunServices,
  claims: Claims,
  { user_agent_id, state }: ClaimedRun['waited'],
  allowance: RunAllowance,
): Promise<LoadedRun> {
  const { database, configuredAgents, models } = services
  const row = await database.withUser(claims, (tx) => findContinuedUserAgent(tx, user_agent_id))
  if (!row) throw new AppError('not_found')
  if (!row.is_active) throw new AppError('agent_not_active')
  const { name, capabilities } = await configuredAgents.getAgentVersion(claims, row.agent_id, row.agent_version)
  const types = inPlan(row.integration_types, allowance)
  const tools = await loadTools(services, claims, { userAgentId: user_agent_id, capabilities, types, allowance })
  return {
    agentName: name,
    capabilities,
    settings: row.settings as Settings,
    model: models.find(state.model) ?? models.default,
    tools: toEarlierNames(tools, state),
    // All of it stands in the prompt that was kept.
    history: [],
    hasUntrusted: state.has_untrusted,
    connectedTypes: types,
    allowance,
  }
}

/** Written by saveWaitingRun alone, in this shape. */
function readSteps(metadata: unknown): RunStep[] {
  return (metadata as { steps?: RunStep[] }).steps ?? []
}
