import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { StoredCapabilities } from './stored-capabilities.ts'

const summaryColumns = [
  'id',
  'name',
  'description',
  'type',
  'slug',
  'is_public',
  'version',
  'creator_id',
  'publication_requested_at',
  'publication_note',
  'created_at',
  'updated_at',
] as const
const columns = [...summaryColumns, 'capabilities', 'changes'] as const

export type AgentSummaryRow = Awaited<ReturnType<typeof listAgents>>[number]
export type AgentRow = NonNullable<Awaited<ReturnType<typeof findAgent>>>

export interface AgentChange {
  version: number
  summary: string
}

/** What a creator writes; stored in `agents` and, version by version, in `agent_versions`. */
export interface AgentContent {
  name: string
  description: string
  type: string
  capabilities: StoredCapabilities
}

/** Sort keys of the list of agents: those of the catalogue first, then by name. */
export type AgentPlace = [is_made_by_user: boolean, name: string, id: string]

interface AgentFilter {
  /** Whose agents are shown besides the public ones; null for strangers. */
  userId: string | null
  isMine: boolean
  search?: string | undefined
  type?: string | undefined
  after: AgentPlace | null
  limit: number
}

export function listAgents(tx: Tx, { userId, isMine, search, type, after, limit }: AgentFilter) {
  let query = tx
    .selectFrom('agents')
    .select(summaryColumns)
    .select(sql<unknown>`capabilities -> 'starters'`.as('starters'))
    .orderBy(sql`slug is null`)
    .orderBy(sql`lower(name)`)
    .orderBy('id')
    .limit(limit)
  // Row-level security would also show admins what waits for their nod; that has a list of its own.
  if (isMine) query = query.where('creator_id', '=', userId)
  else if (userId)
    query = query.where((where) => where.or([where('is_public', '=', true), where('creator_id', '=', userId)]))
  else query = query.where('is_public', '=', true)
  if (type) query = query.where('type', '=', type)
  if (search) {
    const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`
    query = query.where((where) => where.or([where('name', 'ilike', pattern), where('description', 'ilike', pattern)]))
  }
  if (after) {
    const [isMadeByUser, name, id] = after
    query = query.where(
      sql<boolean>`(slug is null, lower(name), id) > (${isMadeByUser}::boolean, lower(${name}::text), ${id}::uuid)`,
    )
  }
  return query.execute()
}

/** Null also for agents that the transaction's user may not see. */
export async function findAgent(tx: Tx, id: string) {
  return (await tx.selectFrom('agents').select(columns).where('id', '=', id).executeTakeFirst()) ?? null
}

/** Oldest request first. */
export function listPublicationRequests(
  tx: Tx,
  { after, limit }: { after: { timestamp: Date; id: string } | null; limit: number },
) {
  let query = tx
    .selectFrom('agents')
    .select(columns)
    .where('publication_requested_at', 'is not', null)
    .orderBy('publication_requested_at')
    .orderBy('id')
    .limit(limit)
  if (after) {
    query = query.where(
      sql<boolean>`(publication_requested_at, id) > (${after.timestamp}::timestamptz, ${after.id}::uuid)`,
    )
  }
  return query.execute()
}

export async function countAgentsOfCreator(tx: Tx, creatorId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('agents')
    .select(sql<number>`count(*)`.as('count'))
    .where('creator_id', '=', creatorId)
    .executeTakeFirstOrThrow()
  return count
}

/** Waits for other transactions that add an agent for the same user, so that they count one after the other. */
export async function lockAgentsOfCreator(tx: Tx, creatorId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`agents of ${creatorId}`}, 0))`.execute(tx)
}

export async function createAgent(
  tx: Tx,
  agent: AgentContent & { id: string; creator_id: string; changes: AgentChange[] },
) {
  const { changes, capabilities, ...values } = agent
  await tx
    .insertInto('agents')
    .values({ ...values, capabilities: JSON.stringify(capabilities), version: 1, changes: JSON.stringify(changes) })
    .execute()
  await createAgentVersion(tx, agent.id, 1, agent)
}

export async function createAgentVersion(
  tx: Tx,
  agentId: string,
  version: number,
  content: AgentContent,
): Promise<void> {
  await tx
    .insertInto('agent_versions')
    .values({
      agent_id: agentId,
      version,
      name: content.name,
      description: content.description,
      capabilities: JSON.stringify(content.capabilities),
    })
    .execute()
}

/**
 * Makes the next version of the creator's own agent; false when it is no longer at `version`. A published agent leaves
 * the catalogue and waits for an admin, as does one that was waiting already.
 */
export async function updateAgentContent(
  tx: Tx,
  key: { id: string; creatorId: string; version: number },
  content: AgentContent,
  changes: AgentChange[],
): Promise<boolean> {
  const updated = await tx
    .updateTable('agents')
    .set({
      ...content,
      capabilities: JSON.stringify(content.capabilities),
      version: key.version + 1,
      changes: JSON.stringify(changes),
      is_public: false,
      publication_requested_at: sql`case when is_public or publication_requested_at is not null then ${nowInMs} end`,
    })
    .where('id', '=', key.id)
    .where('creator_id', '=', key.creatorId)
    .where('version', '=', key.version)
    .returning('id')
    .executeTakeFirst()
  if (!updated) return false
  await createAgentVersion(tx, key.id, key.version + 1, content)
  return true
}

// The cursor of the list of requests carries milliseconds.
const nowInMs = sql<Date>`date_trunc('milliseconds', now())`

/** Puts the creator's own private agent before the admins; nothing happens when it is already there or public. */
export async function requestPublication(tx: Tx, key: { id: string; creatorId: string }): Promise<void> {
  await tx
    .updateTable('agents')
    .set({ publication_requested_at: nowInMs, publication_note: null })
    .where('id', '=', key.id)
    .where('creator_id', '=', key.creatorId)
    .where('is_public', '=', false)
    .where('publication_requested_at', 'is', null)
    .execute()
}

/** Takes the creator's own agent out of the catalogue, or its request back. */
export async function withdrawPublication(tx: Tx, key: { id: string; creatorId: string }): Promise<void> {
  await tx
    .updateTable('agents')
    .set({ is_public: false, publication_requested_at: null, publication_note: null })
    .where('id', '=', key.id)
    .where('creator_id', '=', key.creatorId)
    .execute()
}

/** False when no request is open for that version. */
export async function publishAgent(tx: Tx, { id, version }: { id: string; version: number }): Promise<boolean> {
  const updated = await tx
    .updateTable('agents')
    .set({ is_public: true, publication_requested_at: null, publication_note: null })
    .where('id', '=', id)
    .where('version', '=', version)
    .where('publication_requested_at', 'is not', null)
    .returning('id')
    .executeTakeFirst()
  return updated !== undefined
}

/** Refuses a request, or takes a user's agent out of the catalogue. Null when there is neither for that version. */
export async function declineAgent(tx: Tx, { id, version, note }: { id: string; version: number; note: string }) {
  const row = await tx
    .updateTable('agents')
    .set({ is_public: false, publication_requested_at: null, publication_note: note })
    .where('id', '=', id)
    .where('version', '=', version)
    .where('slug', 'is', null)
    .where((where) => where.or([where('is_public', '=', true), where('publication_requested_at', 'is not', null)]))
    .returning(columns)
    .executeTakeFirst()
  return row ?? null
}

/** False when the creator has no such agent. Throws PostgreSQL's 23503 when somebody has configured it. */
export async function deleteAgent(tx: Tx, key: { id: string; creatorId: string }): Promise<boolean> {
  const deleted = await tx
    .deleteFrom('agents')
    .where('id', '=', key.id)
    .where('creator_id', '=', key.creatorId)
    .returning('id')
    .executeTakeFirst()
  return deleted !== undefined
}

/** Names of the people who made these agents, without anything else about them. For service_role: users cannot see each other. */
export function listCreatorNames(tx: Tx, agentIds: string[]) {
  return tx
    .selectFrom('agents')
    .innerJoin('users', 'users.id', 'agents.creator_id')
    .select(['users.id', 'users.first_name', 'users.last_name'])
    .distinct()
    .where('agents.id', '=', sql<string>`any(${agentIds}::uuid[])`)
    .execute()
}
