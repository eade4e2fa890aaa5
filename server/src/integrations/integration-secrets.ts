import { sql } from 'kysely'
import type { SecretStore } from '../crypto/secret-store.ts'
import { eraseGivenUp, giveUp, isGivenUp, takeBack } from './integration-queries.ts'

/** The credentials of all integrations, for rotation and checks. Set aside are those with the status `reconnect`. */
export const integrationSecrets: SecretStore = {
  purpose: 'integrations.credentials',

  async isNeeded(tx, keyId) {
    const row = await tx
      .selectFrom('integrations')
      .select('id')
      .where('credentials_key_id', '=', keyId)
      .where((where) => where.not(isGivenUp))
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  },

  async countByKey(tx) {
    const { rows } = await sql<{ key_id: string; needed: number; given_up: number }>`
      select credentials_key_id as key_id, count(*) filter (where not ${isGivenUp}) as needed,
        count(*) filter (where ${isGivenUp}) as given_up
      from public.integrations where credentials_key_id is not null group by credentials_key_id
    `.execute(tx)
    return rows
  },

  async list(tx, { keyId, isSetAside, afterId, limit }) {
    let query = tx
      .selectFrom('integrations')
      .innerJoin('user_agents', 'user_agents.id', 'integrations.user_agent_id')
      .select(['integrations.id', 'user_agents.user_id as owner_id', 'integrations.credentials as sealed'])
      .select(['integrations.credentials_key_id as key_id', isGivenUp.as('is_given_up')])
      // The whole status, so that the index gives the rows of a key in the order of their ids.
      .where('integrations.status', '=', isSetAside ? 'reconnect' : 'connected')
      .where('integrations.credentials_key_id', 'is not', null)
      .orderBy('integrations.id')
      .limit(limit)
      .$narrowType<{ key_id: string }>()
    if (keyId !== undefined) query = query.where('integrations.credentials_key_id', '=', keyId)
    if (afterId !== null) query = query.where('integrations.id', '>', afterId)
    return query.execute()
  },

  async replace(tx, replacements) {
    const { numAffectedRows } = await sql`
      update public.integrations set credentials = change.after, credentials_key_id = change."keyId"
      from jsonb_to_recordset(${JSON.stringify(replacements)}::jsonb)
        as change (id uuid, before jsonb, after jsonb, "keyId" varchar)
      where integrations.id = change.id and integrations.credentials = change.before
    `.execute(tx)
    return Number(numAffectedRows ?? 0)
  },

  giveUp: (tx, rows) => giveUp(tx, rows),
  takeBack,
  erase: eraseGivenUp,

  async giveUpKey(tx, keyId, limit) {
    const { numAffectedRows } = await sql`
      update public.integrations set status = 'reconnect', failing_since = null, failure = null where id in (
        select id from public.integrations where credentials_key_id = ${keyId} and not ${isGivenUp}
        order by status, id limit ${limit} for update
      )`.execute(tx)
    return Number(numAffectedRows ?? 0)
  },
}
