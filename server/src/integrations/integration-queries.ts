import { sql } from 'kysely'
import type { SealedSecret } from '../crypto/seal-secret.ts'
import type { Tx } from '../database/database.ts'

const shown = [
  'id',
  'user_agent_id',
  'type',
  'name',
  'settings',
  'credentials_summary',
  'tool_permissions',
  'tools',
  'tools_listed_at',
  'status',
  'failure',
  'failing_since',
  'last_tested_at',
  'created_at',
  'updated_at',
] as const

/** What its owner may see; never the credentials. */
export type IntegrationRow = NonNullable<Awaited<ReturnType<typeof findIntegration>>>

/** In the order they were connected. Empty also when the user agent is somebody else's. */
export function listIntegrations(tx: Tx, userAgentId: string): Promise<IntegrationRow[]> {
  return tx.selectFrom('integrations').select(shown).where('user_agent_id', '=', userAgentId).orderBy('id').execute()
}

/** Ids of what is connected with these types, in all user agents of this user or in some. */
export async function listIntegrationsOf(
  tx: Tx,
  userId: string,
  { types, userAgentId, agentId }: { types: readonly string[]; userAgentId?: string; agentId?: string },
): Promise<string[]> {
  if (types.length === 0) return []
  let query = tx
    .selectFrom('integrations')
    .innerJoin('user_agents', 'user_agents.id', 'integrations.user_agent_id')
    .select('integrations.id')
    .where('user_agents.user_id', '=', userId)
    .where('integrations.type', 'in', types)
  if (userAgentId !== undefined) query = query.where('user_agents.id', '=', userAgentId)
  if (agentId !== undefined) query = query.where('user_agents.agent_id', '=', agentId)
  return (await query.execute()).map(({ id }) => id)
}

export async function hasIntegrations(tx: Tx, userId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('integrations')
    .innerJoin('user_agents', 'user_agents.id', 'integrations.user_agent_id')
    .select('integrations.id')
    .where('user_agents.user_id', '=', userId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export async function findIntegration(tx: Tx, { id, userAgentId }: { id: string; userAgentId: string }) {
  const row = await tx
    .selectFrom('integrations')
    .select(shown)
    .where('id', '=', id)
    .where('user_agent_id', '=', userAgentId)
    .executeTakeFirst()
  return row ?? null
}

/** With the credentials, sealed. Null unless it is this user's; only the system may ask. */
export async function findWholeIntegration(tx: Tx, { id, ownerId }: { id: string; ownerId: string }) {
  return (await selectWhole(tx, { id, ownerId }).executeTakeFirst()) ?? null
}

/** The same, and whoever else wants to change it waits for this transaction. */
export async function lockIntegration(tx: Tx, { id, ownerId }: { id: string; ownerId: string }) {
  return (await selectWhole(tx, { id, ownerId }).forUpdate('integrations').executeTakeFirst()) ?? null
}

function selectWhole(tx: Tx, { id, ownerId }: { id: string; ownerId: string }) {
  return tx
    .selectFrom('integrations')
    .innerJoin('user_agents', 'user_agents.id', 'integrations.user_agent_id')
    .select(shown.map((name) => `integrations.${name}` as const))
    .select(['integrations.credentials', 'integrations.credentials_key_id'])
    .where('integrations.id', '=', id)
    .where('user_agents.user_id', '=', ownerId)
}

export interface NewIntegration {
  id: string
  user_agent_id: string
  type: string
  name: string | null
  settings: object
  credentials_summary: object
  sealed: { sealed: SealedSecret; kid: string } | null
}

/** Throws `forbidden` when the user agent is not theirs. */
export async function createIntegration(tx: Tx, { sealed, ...integration }: NewIntegration): Promise<void> {
  await tx
    .insertInto('integrations')
    .values({
      ...integration,
      settings: JSON.stringify(integration.settings),
      credentials_summary: JSON.stringify(integration.credentials_summary),
      ...(sealed && { credentials: JSON.stringify(sealed.sealed), credentials_key_id: sealed.kid }),
    })
    .execute()
}

/** How many there are, while nobody else adds one to the same user agent. */
export async function countIntegrationsLocked(tx: Tx, userAgentId: string): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`integrations of ${userAgentId}`}, 0))`.execute(tx)
  const { count } = await tx
    .selectFrom('integrations')
    .select(sql<number>`count(*)`.as('count'))
    .where('user_agent_id', '=', userAgentId)
    .executeTakeFirstOrThrow()
  return count
}

export interface IntegrationChange {
  name?: string | null
  settings?: object
  tool_permissions?: object
  tools?: readonly object[]
  tools_listed_at?: Date | null
  failure?: string | null
  failing_since?: Date | null
  last_tested_at?: Date
}

/** False when there is no such integration, or it is not theirs. */
export async function updateIntegration(tx: Tx, id: string, change: IntegrationChange): Promise<boolean> {
  const { settings, tool_permissions, tools, ...plain } = change
  const { numUpdatedRows } = await tx
    .updateTable('integrations')
    .set({
      ...plain,
      ...(settings && { settings: JSON.stringify(settings) }),
      ...(tool_permissions && { tool_permissions: JSON.stringify(tool_permissions) }),
      ...(tools && { tools: JSON.stringify(tools) }),
    })
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Only the system may write it like this: past what the owner entered, such as tokens. Null: there are none any more. */
export async function replaceCredentials(
  tx: Tx,
  id: string,
  {
    sealed,
    summary,
    keepsState,
  }: { sealed: { sealed: SealedSecret; kid: string } | null; summary: object; keepsState: boolean },
): Promise<void> {
  await tx
    .updateTable('integrations')
    .set({
      credentials: sealed ? JSON.stringify(sealed.sealed) : '{}',
      credentials_key_id: sealed?.kid ?? null,
      credentials_summary: JSON.stringify(summary),
      ...(!keepsState && { status: 'connected', failure: null, failing_since: null }),
    })
    .where('id', '=', id)
    .execute()
}

/**
 * Its tools did not reach the server behind it, or were refused there. The first time since it worked stays. What was given
 * up keeps the sign of that: no such time.
 */
export async function markFailing(
  tx: Tx,
  id: string,
  { failure, needsReconnect }: { failure: string; needsReconnect: boolean },
): Promise<void> {
  await tx
    .updateTable('integrations')
    .set({
      failure,
      failing_since: sql<Date | null>`case when ${isGivenUp} then null else coalesce(failing_since, now()) end`,
      ...(needsReconnect && { status: 'reconnect' }),
    })
    .where('id', '=', id)
    .execute()
}

/** Writes only where there is something to clear. */
export async function markWorking(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('integrations')
    .set({ failure: null, failing_since: null })
    .where('id', '=', id)
    .where('failing_since', 'is not', null)
    .where('status', '=', 'connected')
    .execute()
}

/** After a test that used the credentials as they are stored: nobody has to enter them again. */
export async function markTested(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('integrations')
    .set({ status: 'connected', failure: null, failing_since: null, last_tested_at: new Date() })
    .where('id', '=', id)
    .execute()
}

/** One server at a time renews the token. False: another one does. */
export async function takeRefreshLease(tx: Tx, id: string, seconds: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('integrations')
    .set({ refresh_lease_until: sql<Date>`now() + make_interval(secs => ${seconds})` })
    .where('id', '=', id)
    .where((where) =>
      where.or([where('refresh_lease_until', 'is', null), where('refresh_lease_until', '<', sql<Date>`now()`)]),
    )
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function endRefreshLease(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('integrations').set({ refresh_lease_until: null }).where('id', '=', id).execute()
}

/** True for the one who is to list the tools anew; nobody else is until the next time. */
export async function claimToolListing(tx: Tx, id: string, listedAt: Date | null): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('integrations')
    .set({ tools_listed_at: new Date() })
    .where('id', '=', id)
    .where('tools_listed_at', 'is not distinct from', listedAt)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** False when there is none, or it is not theirs. */
export async function deleteIntegration(tx: Tx, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('integrations').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

/**
 * A secret that no key opens any more. An account that its provider refused waits for its owner just the same and is not
 * given up: it tells since when it fails, and its secret can still be read.
 */
export const isGivenUp = sql<boolean>`(integrations.status = 'reconnect' and integrations.failing_since is null)`

type Seen = { id: string; sealed: unknown }

/** Rows that still hold what was seen: what their owner entered meanwhile stays as it is. Answers how many changed. */
export async function giveUp(tx: Tx, seen: Seen[], failure: string | null = null): Promise<number> {
  const { numAffectedRows } = await sql`
    update public.integrations set status = 'reconnect', failing_since = null, failure = ${failure}::varchar
    from ${listOf(seen)} as seen (id uuid, sealed jsonb)
    where integrations.id = seen.id and integrations.credentials = seen.sealed and not ${isGivenUp}
  `.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** The same rows connected again. Answers how many changed. */
export async function takeBack(tx: Tx, seen: Seen[]): Promise<number> {
  const { numAffectedRows } = await sql`
    update public.integrations set status = 'connected', failure = null
    from ${listOf(seen)} as seen (id uuid, sealed jsonb)
    where integrations.id = seen.id and integrations.credentials = seen.sealed and ${isGivenUp}
  `.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** Empties those that were given up. Answers how many changed. */
export async function eraseGivenUp(tx: Tx, seen: Seen[]): Promise<number> {
  const { numAffectedRows } = await sql`
    update public.integrations set credentials = '{}', credentials_key_id = null
    from ${listOf(seen)} as seen (id uuid, sealed jsonb)
    where integrations.id = seen.id and integrations.credentials = seen.sealed and ${isGivenUp}
  `.execute(tx)
  return Number(numAffectedRows ?? 0)
}

function listOf(seen: Seen[]) {
  return sql`jsonb_to_recordset(${JSON.stringify(seen.map(({ id, sealed }) => ({ id, sealed })))}::jsonb)`
}
