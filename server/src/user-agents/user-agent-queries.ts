import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

export type UserAgentRow = NonNullable<Awaited<ReturnType<typeof findUserAgent>>>

/** What a user configured, with the version it runs on and, where the agent is still visible to them, its present one. */
function selectUserAgents(tx: Tx, userId: string) {
  return (
    tx
      .selectFrom('user_agents')
      .innerJoin('agent_versions', (join) =>
        join
          .onRef('agent_versions.agent_id', '=', 'user_agents.agent_id')
          .onRef('agent_versions.version', '=', 'user_agents.agent_version'),
      )
      .leftJoin('agents as present', (join) =>
        join
          .onRef('present.id', '=', 'user_agents.agent_id')
          // Row-level security would also show an admin what waits for a nod; nobody upgrades to that.
          .on((on) => on.or([on('present.is_public', '=', true), on('present.creator_id', '=', userId)])),
      )
      .select([
        'user_agents.id',
        'user_agents.name',
        'user_agents.agent_id',
        'user_agents.agent_version',
        'user_agents.settings',
        'user_agents.is_active',
        'user_agents.model',
        'user_agents.created_at',
        'user_agents.updated_at',
        'agent_versions.name as agent_name',
        'agent_versions.description as agent_description',
        'agent_versions.capabilities',
        'present.type as present_type',
        'present.version as present_version',
      ])
      .select(
        sql<string[]>`array(select type::text from public.integrations
          where integrations.user_agent_id = user_agents.id and integrations.status = 'connected')`.as(
          'connected_types',
        ),
      )
      // The form and the summaries of a newer version; of no use, and not sent, when there is none.
      .select([
        sql<unknown>`case when present.version > user_agents.agent_version then present.capabilities end`.as(
          'newer_capabilities',
        ),
        sql<unknown>`case when present.version > user_agents.agent_version then present.changes end`.as(
          'newer_changes',
        ),
      ])
      .where('user_agents.user_id', '=', userId)
  )
}

/** Newest first; ids ascend with the time of creation. */
export function listUserAgents(
  tx: Tx,
  { userId, afterId, limit }: { userId: string; afterId: string | null; limit: number },
) {
  let query = selectUserAgents(tx, userId).orderBy('user_agents.id', 'desc').limit(limit)
  if (afterId) query = query.where('user_agents.id', '<', afterId)
  return query.execute()
}

/** Null also when it is somebody else's. */
export async function findUserAgent(tx: Tx, { id, userId }: { id: string; userId: string }) {
  return (await selectUserAgents(tx, userId).where('user_agents.id', '=', id).executeTakeFirst()) ?? null
}

/** An agent as it may be configured now: a public one or one's own. Null also when it is not visible. */
export async function findConfigurableAgent(tx: Tx, { agentId, userId }: { agentId: string; userId: string }) {
  const row = await tx
    .selectFrom('agents')
    .select(['id', 'name', 'version', 'capabilities'])
    .where('id', '=', agentId)
    .where((where) => where.or([where('is_public', '=', true), where('creator_id', '=', userId)]))
    .executeTakeFirst()
  return row ?? null
}

/** Waits for other transactions that add a user agent for the same user, so that they count one after the other. */
export async function lockUserAgentsOfUser(tx: Tx, userId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`user agents of ${userId}`}, 0))`.execute(tx)
}

export async function countUserAgents(tx: Tx, userId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('user_agents')
    .select(sql<number>`count(*)`.as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return count
}

export async function countIntegrations(tx: Tx, id: string): Promise<number> {
  const { count } = await tx
    .selectFrom('integrations')
    .select(sql<number>`count(*)`.as('count'))
    .where('user_agent_id', '=', id)
    .executeTakeFirstOrThrow()
  return count
}

interface NewUserAgent {
  id: string
  user_id: string
  agent_id: string
  agent_version: number
  name: string
  settings: Record<string, unknown>
  model: string | null
}

/** Throws `forbidden` when that version is not one the user may see. */
export async function createUserAgent(tx: Tx, userAgent: NewUserAgent): Promise<void> {
  await tx
    .insertInto('user_agents')
    .values({ ...userAgent, settings: JSON.stringify(userAgent.settings) })
    .execute()
}

export interface UserAgentChange {
  name?: string | undefined
  settings?: Record<string, unknown> | undefined
  is_active?: boolean | undefined
  model?: string | null | undefined
  agent_version?: number | undefined
}

/** False when it no longer runs on `agentVersion`, whose form the settings were checked against. */
export async function updateUserAgent(
  tx: Tx,
  key: { id: string; userId: string; agentVersion: number },
  { settings, ...change }: UserAgentChange,
): Promise<boolean> {
  const updated = await tx
    .updateTable('user_agents')
    .set({ ...change, ...(settings && { settings: JSON.stringify(settings) }) })
    .where('id', '=', key.id)
    .where('user_id', '=', key.userId)
    .where('agent_version', '=', key.agentVersion)
    .returning('id')
    .executeTakeFirst()
  return updated !== undefined
}

/** False when there is none, or it is somebody else's. Its logs stay. */
export async function deleteUserAgent(tx: Tx, { id, userId }: { id: string; userId: string }): Promise<boolean> {
  const deleted = await tx
    .deleteFrom('user_agents')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning('id')
    .executeTakeFirst()
  return deleted !== undefined
}

export async function deleteUserAgentsOfAgent(
  tx: Tx,
  { agentId, userId }: { agentId: string; userId: string },
): Promise<void> {
  await tx.deleteFrom('user_agents').where('agent_id', '=', agentId).where('user_id', '=', userId).execute()
}
