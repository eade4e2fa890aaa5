import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

interface Named {
  agent_name: string | null
  user_agent_name: string | null
}

interface Unnamed {
  agent_id: string | null
  user_agent_id: string | null
}

/**
 * The logs with the names of their agents. Their ids are few, however many logs there are: looking them up once costs a
 * fifth of what two lookups a row do, and the policies of `agent_versions` are asked only when a name is missing.
 */
export async function withNames<Row extends Unnamed>(tx: Tx, rows: Row[]): Promise<(Row & Named)[]> {
  if (rows.length === 0) return []
  const agentIds = distinct(rows.map(({ agent_id }) => agent_id))
  const userAgentIds = distinct(rows.map(({ user_agent_id }) => user_agent_id))
  const found = await tx
    .selectFrom('agents')
    .select(['id', 'name', sql<boolean>`false`.as('is_configured')])
    .where(sql<boolean>`id = any(${agentIds}::uuid[])`)
    .unionAll(
      tx
        .selectFrom('user_agents')
        .select(['id', 'name', sql<boolean>`true`.as('is_configured')])
        .where(sql<boolean>`id = any(${userAgentIds}::uuid[])`),
    )
    .execute()
  const namesOf = (isConfigured: boolean) =>
    new Map(found.filter((one) => one.is_configured === isConfigured).map(({ id, name }) => [id, name]))
  const agents = namesOf(false)
  const userAgents = namesOf(true)
  const named = rows.map((row) => ({
    ...row,
    agent_name: agents.get(row.agent_id ?? '') ?? null,
    user_agent_name: userAgents.get(row.user_agent_id ?? '') ?? null,
  }))
  const unseen = distinct(named.filter((row) => row.agent_name === null).map((row) => row.user_agent_id))
  if (unseen.length === 0) return named
  const pinned = await readPinnedNames(tx, unseen)
  return named.map((row) => ({ ...row, agent_name: row.agent_name ?? pinned.get(row.user_agent_id ?? '') ?? null }))
}

/** Of an agent that is not published any more its users still see the version that they configured. */
async function readPinnedNames(tx: Tx, userAgentIds: string[]): Promise<Map<string, string>> {
  const found = await tx
    .selectFrom('user_agents')
    .innerJoin('agent_versions', (join) =>
      join
        .onRef('agent_versions.agent_id', '=', 'user_agents.agent_id')
        .onRef('agent_versions.version', '=', 'user_agents.agent_version'),
    )
    .select(['user_agents.id', 'agent_versions.name'])
    .where(sql<boolean>`user_agents.id = any(${userAgentIds}::uuid[])`)
    .execute()
  return new Map(found.map(({ id, name }) => [id, name]))
}

/** Sorted, so that the same page sends the same. */
function distinct(ids: (string | null)[]): string[] {
  return [...new Set(ids.filter((id) => id !== null))].sort()
}
