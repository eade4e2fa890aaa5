import type { z } from 'zod'
import type { Claims, Database } from '../database/database.ts'
import { type AgentChange, type AgentRow, type AgentSummaryRow, listCreatorNames } from './agent-queries.ts'
import { agentChangeSchema, type agentSchema } from './agent-schemas.ts'
import { readCapabilities } from './stored-capabilities.ts'

type Agent = z.output<typeof agentSchema>
type AgentSummary = Omit<Agent, 'capabilities' | 'changes'>
type Viewer = Claims | null
type Names = Map<string, string | null>

/** What the API shows of agents that the viewer may see. */
export async function toAgentSummaries(
  database: Database,
  viewer: Viewer,
  rows: AgentSummaryRow[],
): Promise<AgentSummary[]> {
  const names = await findCreatorNames(database, rows)
  return rows.map((row) => toSummary(row, row.starters, viewer, names))
}

/** What the API shows of agents that the viewer may see, whole; without those that cannot be read, which are told instead. */
export async function toAgents(
  database: Database,
  viewer: Viewer,
  rows: AgentRow[],
  tellUnreadable: (id: string, error: unknown) => void,
): Promise<Agent[]> {
  const names = await findCreatorNames(database, rows)
  return rows.flatMap((row) => {
    try {
      return [toWhole(row, viewer, names)]
    } catch (error) {
      tellUnreadable(row.id, error)
      return []
    }
  })
}

export async function toAgent(database: Database, viewer: Viewer, row: AgentRow): Promise<Agent> {
  return toWhole(row, viewer, await findCreatorNames(database, [row]))
}

function toWhole(row: AgentRow, viewer: Viewer, names: Names): Agent {
  const capabilities = readCapabilities(row.capabilities)
  return { ...toSummary(row, capabilities.starters, viewer, names), capabilities, changes: readChanges(row.changes) }
}

/** The column `agents.changes`; whatever in it tells of no change is left out. */
export function readChanges(stored: unknown): AgentChange[] {
  if (!Array.isArray(stored)) return []
  return stored.flatMap((entry) => agentChangeSchema.safeParse(entry).data ?? [])
}

function toSummary(
  row: Omit<AgentSummaryRow, 'starters'>,
  starters: unknown,
  viewer: Viewer,
  names: Names,
): AgentSummary {
  const { creator_id, publication_requested_at, publication_note, ...shown } = row
  const isMine = viewer !== null && creator_id === viewer.sub
  return {
    ...shown,
    creator: creator_id === null ? null : { id: creator_id, name: names.get(creator_id) ?? null },
    is_mine: isMine,
    publication: row.is_public
      ? 'public'
      : publication_requested_at !== null
        ? 'requested'
        : publication_note !== null
          ? 'declined'
          : 'private',
    publication_note: isMine || viewer?.user_role === 'admin' ? publication_note : null,
    // Part of the capabilities, which are valid when they are stored.
    starters: (starters ?? []) as string[],
  }
}

async function findCreatorNames(database: Database, rows: { id: string; creator_id: string | null }[]): Promise<Names> {
  const agentIds = rows.flatMap((row) => (row.creator_id === null ? [] : [row.id]))
  if (agentIds.length === 0) return new Map()
  const people = await database.asSystem(
    'publishing an agent shows its creator by name; users cannot see each other',
    (tx) => listCreatorNames(tx, agentIds),
  )
  return new Map(
    people.map(({ id, first_name, last_name }) => [id, [first_name, last_name].filter(Boolean).join(' ') || null]),
  )
}
