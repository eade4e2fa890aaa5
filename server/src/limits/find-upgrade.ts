import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { LimitName, SwitchName } from '../plans/plan-features.ts'

/** What somebody lacks. */
export type Lack =
  | { limit: LimitName; value: number }
  | { switch: SwitchName }
  | { models: 'all' }
  | { integration_type: string }

export interface Upgrade {
  plan_id: string
  name: string
}

/** The cheapest public plan that has it and costs no less than the present one, by arrangement only without another; or null. */
export async function findUpgrade(tx: Tx, userId: string, lack: Lack): Promise<Upgrade | null> {
  const { rows } = await sql<Upgrade>`
    with present as (
      select id, is_by_arrangement, price from public.plans where id = coalesce(
        (select plan_id from public.subscriptions where user_id = ${userId}::uuid and is_current),
        (select id from public.plans where is_default))
    )
    select id as plan_id, name from public.plans p
    where is_public and archived_at is null and ${hasWhatIsLacking(lack)} and not exists (
      select from present
      where present.id = p.id or (p.is_by_arrangement, p.price) < (present.is_by_arrangement, present.price))
    order by is_by_arrangement, price, position, id limit 1`.execute(tx)
  return rows[0] ?? null
}

function hasWhatIsLacking(lack: Lack): RawBuilder<boolean> {
  if ('limit' in lack) {
    const limit = sql`features -> 'limits' -> ${lack.limit}::text`
    return sql`(${limit} = 'null' or (jsonb_typeof(${limit}) = 'number' and (${limit})::text::numeric > ${lack.value}))`
  }
  if ('switch' in lack) return sql`features -> 'switches' -> ${lack.switch}::text = 'true'`
  if ('models' in lack) return sql`features ->> 'models' = 'all'`
  return sql`(features -> 'integration_types' = 'null' or features -> 'integration_types' ? ${lack.integration_type}::text)`
}
