import pg from 'pg'
import type { Claims, Database, Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { deleteUserAgentsOfAgent } from '../user-agents/user-agent-queries.ts'
import {
  type AgentRow,
  countAgentsOfCreator,
  createAgent,
  deleteAgent,
  findAgent,
  lockAgentsOfCreator,
  updateAgentContent,
} from './agent-queries.ts'
import type { Capabilities } from './capabilities.ts'
import { releaseAgents } from './release-agents.ts'
import { isSameCapabilities, readCapabilities, toStoredCapabilities } from './stored-capabilities.ts'
import { readChanges } from './to-agent.ts'

const maxAgents = 200
/** Older ones are forgotten, so that an agent that changes daily does not grow for ever. */
const maxChanges = 50

interface NewAgent {
  name: string
  description: string
  type: string
  capabilities: Capabilities
}

/** What a creator changes; what is left out stays. */
export interface AgentEdit extends Partial<NewAgent> {
  change_summary?: string | undefined
  /** The version the creator looked at. */
  version?: number | undefined
}

export async function getAgent(tx: Tx, id: string): Promise<AgentRow> {
  const agent = await findAgent(tx, id)
  if (!agent) throw new AppError('not_found')
  return agent
}

/** Not found, too, for an agent that is visible but was made by somebody else. */
export async function getAgentOfCreator(tx: Tx, id: string, creatorId: string): Promise<AgentRow> {
  const agent = await getAgent(tx, id)
  if (agent.creator_id !== creatorId) throw new AppError('not_found')
  return agent
}

export async function addAgent(tx: Tx, creatorId: string, agent: NewAgent): Promise<AgentRow> {
  await lockAgentsOfCreator(tx, creatorId)
  if ((await countAgentsOfCreator(tx, creatorId)) >= maxAgents)
    throw new AppError('conflict', { detail: `You have made ${maxAgents} agents, which is the most that fit.` })
  const id = createId()
  await createAgent(tx, {
    ...agent,
    id,
    creator_id: creatorId,
    capabilities: toStoredCapabilities(agent.capabilities, agent.type),
    changes: [{ version: 1, summary: 'First version.' }],
  })
  return getAgent(tx, id)
}

/** Makes a new version when something differs. */
export async function editAgent(tx: Tx, creatorId: string, id: string, edit: AgentEdit): Promise<AgentRow> {
  const agent = await getAgentOfCreator(tx, id, creatorId)
  const { version } = agent
  const changed = new AppError('conflict', { detail: 'The agent was changed in the meantime.' })
  if (edit.version !== undefined && edit.version !== version) throw changed
  const type = edit.type ?? agent.type
  const content = {
    name: edit.name ?? agent.name,
    description: edit.description ?? agent.description,
    type,
    capabilities: toStoredCapabilities(edit.capabilities ?? readCapabilities(agent.capabilities), type),
  }
  if (
    content.name === agent.name &&
    content.description === agent.description &&
    isSameCapabilities(agent.capabilities, content.capabilities)
  )
    return agent
  const change = { version: version + 1, summary: edit.change_summary ?? 'Changed.' }
  const changes = [change, ...readChanges(agent.changes)].slice(0, maxChanges)
  if (!(await updateAgentContent(tx, { id, creatorId, version }, content, changes))) throw changed
  return getAgent(tx, id)
}

/** Deletes a creator's agent that nobody else has configured; with `force` also what the creator configured of it. */
export async function removeAgent(
  database: Database,
  claims: Claims,
  { id, force }: { id: string; force: boolean },
): Promise<void> {
  const inUse = (cause?: unknown) =>
    new AppError('agent_in_use', {
      detail: force
        ? 'Other people have configured this agent.'
        : 'This agent is configured: by yourself, which `?force=true` deletes too, or by other people.',
      cause,
    })
  await database.withUser(claims, (tx) => getAgentOfCreator(tx, id, claims.sub))
  const [released] = await releaseAgents(database, { creatorId: claims.sub, id, countsOwnUse: !force })
  if (!released) throw inUse()
  try {
    await database.withUser(claims, async (tx) => {
      if (force) await deleteUserAgentsOfAgent(tx, { agentId: id, userId: claims.sub })
      if (!(await deleteAgent(tx, { id, creatorId: claims.sub }))) throw new AppError('not_found')
    })
  } catch (error) {
    // Configured by its creator in between.
    if (!(error instanceof pg.DatabaseError && error.code === '23503')) throw error
    throw inUse(error)
  }
}
