import { sql } from 'kysely'
import type { SealedSecret } from '../crypto/seal-secret.ts'
import type { Tx } from '../database/database.ts'

/** `reconnect`: the credentials cannot be read any more, their owner has to enter them again. */
export type IntegrationStatus = 'connected' | 'reconnect'

export interface SealedCredentials {
  credentials: unknown
  credentials_key_id: string | null
  status: string
}

/** Null unless the integration belongs to this user; only the system may ask. */
export async function findSealedCredentials(
  tx: Tx,
  { id, ownerId }: { id: string; ownerId: string },
): Promise<SealedCredentials | null> {
  const row = await tx
    .selectFrom('integrations')
    .innerJoin('user_agents', 'user_agents.id', 'integrations.user_agent_id')
    .select(['integrations.credentials', 'integrations.credentials_key_id', 'integrations.status'])
    .where('integrations.id', '=', id)
    .where('user_agents.user_id', '=', ownerId)
    .executeTakeFirst()
  return row ?? null
}

/** False when there is no such integration, or it is not theirs. */
export async function updateCredentials(
  tx: Tx,
  id: string,
  { sealed, kid }: { sealed: SealedSecret; kid: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('integrations')
    .set({ credentials: JSON.stringify(sealed), credentials_key_id: kid, status: 'connected' })
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Of rows that still hold what was seen: what their owner entered meanwhile stays connected. Answers how many changed. */
export async function changeStatus(
  tx: Tx,
  seen: { id: string; sealed: unknown }[],
  { from, to }: Record<'from' | 'to', IntegrationStatus>,
): Promise<number> {
  const rows = JSON.stringify(seen.map(({ id, sealed }) => ({ id, sealed })))
  const { numAffectedRows } = await sql`
    update public.integrations set status = ${to}
    from jsonb_to_recordset(${rows}::jsonb) as seen (id uuid, sealed jsonb)
    where integrations.id = seen.id and integrations.credentials = seen.sealed and integrations.status = ${from}
  `.execute(tx)
  return Number(numAffectedRows ?? 0)
}
