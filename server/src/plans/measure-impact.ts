import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { type LimitName, limitNames } from './plan-features.ts'
import type { PlanValues } from './plan-queries.ts'
import type { PlanImpact } from './plan-schemas.ts'

type Terms = Pick<PlanValues, 'price' | 'yearly_price' | 'currency' | 'is_default' | 'features'>

/** Whom a change of a plan affects, and when. For a transaction of the system: it counts what belongs to users. */
export async function measureImpact(tx: Tx, planId: string, before: Terms, after: Terms): Promise<PlanImpact> {
  const takesDefault = before.is_default || after.is_default
  const { rows } = await sql<{ subscribers: number; on_default: number }>`
    select count(*) filter (where is_subscriber) as subscribers, count(*) filter (where not is_subscriber) as on_default
    from ${concerned(planId, takesDefault)}`.execute(tx)
  const { subscribers = 0, on_default = 0 } = rows[0] ?? {}
  const smaller = limitNames.filter((name) => isSmaller(before, after, name))
  const over_limit: Record<string, number> = {}
  const count = async (name: string, condition: ReturnType<typeof sql>) => {
    const { rows: counted } = await sql<{ count: number }>`
      select count(*) as count from ${concerned(planId, takesDefault)} where ${condition}`.execute(tx)
    if (counted[0]?.count) over_limit[name] = counted[0].count
  }
  for (const name of smaller) await count(name, isOver(name, after.features.limits[name] ?? 0))
  const becomesDefault = after.is_default && !before.is_default
  const isLost = (had: boolean, has: boolean) => (had || becomesDefault) && !has
  if (isLost(before.features.switches.api, after.features.switches.api)) await count('api', hasKeys)
  if (isLost(before.features.models === 'all', after.features.models === 'all')) await count('models', hasOtherModels)
  const impact = { subscribers, on_default, over_limit, takes_effect: findTime(before, after) }
  return { ...impact, sentence: describe(impact, before, after) }
}

// Admins have no plan's limits.
const concerned = (planId: string, withDefault: boolean) => sql`(
  select s.user_id, true as is_subscriber from public.subscriptions s join public.users u on u.id = s.user_id
  where s.plan_id = ${planId}::uuid and s.is_current and s.status in ('trialing', 'active', 'past_due') and u.role <> 'admin'
  union all
  select u.id, false from public.users u
  where ${withDefault}::boolean and u.role <> 'admin'
    and not exists (select from public.subscriptions s where s.user_id = u.id and s.is_current)
) concerned`

const month = sql`date_trunc('month', now() at time zone 'UTC')::date`
const ofMonth = (column: ReturnType<typeof sql>) =>
  sql`coalesce((select ${column} from public.usage_months m where m.user_id = concerned.user_id and m.month = ${month}), 0)`
const hasKeys = sql`exists (select from public.api_keys k where k.user_id = concerned.user_id and k.revoked_at is null
  and (k.expires_at is null or k.expires_at > now()))`
const hasOtherModels = sql`exists (select from public.user_agents a where a.user_id = concerned.user_id and a.is_active
  and a.model not like 'built-in/%')`

/** Whether a user of `concerned` has or uses more than a limit allows. */
function isOver(name: LimitName, limit: number): ReturnType<typeof sql> {
  switch (name) {
    case 'user_agents':
      return sql`(select count(*) from public.user_agents a where a.user_id = concerned.user_id and a.is_active) > ${limit}`
    case 'integrations':
      return sql`(select count(*) from public.integrations i join public.user_agents a on a.id = i.user_agent_id
        where a.user_id = concerned.user_id and a.is_active) > ${limit}`
    case 'api_keys':
      return sql`(select count(*) from public.api_keys k where k.user_id = concerned.user_id and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())) > ${limit}`
    case 'runs_per_month':
      return sql`${ofMonth(sql`runs`)} > ${limit}`
    case 'tokens_per_month':
      return sql`${ofMonth(sql`input_tokens + output_tokens`)} > ${limit}`
    case 'cost_usd_per_month':
      return sql`${ofMonth(sql`cost_usd`)} > ${limit}`
    case 'concurrent_runs':
      return sql`${ofMonth(sql`running`)} > ${limit}`
    case 'log_retention_days':
      return sql`exists (select from public.agent_logs l where l.user_id = concerned.user_id
        and l."timestamp" < now() - ${limit}::float8 * interval '1 day')`
    case 'upload_kb':
      return sql`exists (select from public.user_agents a where a.user_id = concerned.user_id
        and octet_length(a.settings::text) > ${limit}::float8 * 1024)`
  }
}

/** For whoever has this plan afterwards; users without a subscription had other limits before it became the default. */
function isSmaller(before: Terms, after: Terms, name: LimitName): boolean {
  const limit = after.features.limits[name]
  if (limit === null) return false
  if (after.is_default && !before.is_default) return true
  return limit < (before.features.limits[name] ?? Number.POSITIVE_INFINITY)
}

const pricesOf = ({ price, yearly_price, currency }: Terms) =>
  JSON.stringify([Number(price), yearly_price === null ? null : Number(yearly_price), currency])

function findTime(before: Terms, after: Terms): PlanImpact['takes_effect'] {
  const isSameContent = JSON.stringify(before.features) === JSON.stringify(after.features)
  const isSame = isSameContent && before.is_default === after.is_default
  return isSame && pricesOf(before) !== pricesOf(after) ? 'next_payment' : 'now'
}

const overTexts: Record<LimitName | 'api' | 'models', (users: string, limit: number) => string> = {
  user_agents: (users, limit) => `${users} more than ${limit} agents on: none is switched off, none can be added.`,
  integrations: (users, limit) => `${users} more than ${limit} accounts connected: they stay, none can be added.`,
  api_keys: (users, limit) => `${users} more than ${limit} API keys: they go on working, none can be added.`,
  runs_per_month: (users, limit) => `${users} more than ${limit} runs this month: no more until the 1st.`,
  tokens_per_month: (users, limit) => `${users} used more than ${limit} tokens this month: no runs until the 1st.`,
  cost_usd_per_month: (users, limit) =>
    `${users} cost more than ${limit} US dollars this month: no runs until the 1st.`,
  concurrent_runs: (users, limit) => `${users} more than ${limit} runs at this moment: these go on.`,
  log_retention_days: (users, limit) =>
    `${users} runs in the log that are older than ${limit} days: these are deleted within the hour.`,
  upload_kb: (users, limit) => `${users} settings larger than ${limit} kB: they stay until they are changed.`,
  api: (users) => `${users} API keys: these stop working.`,
  models: (users) => `${users} agents on other models than the built-in one: these do not run.`,
}

function describe(impact: Omit<PlanImpact, 'sentence'>, before: Terms, after: Terms): string {
  const { subscribers, on_default, over_limit } = impact
  const users = (count: number) => (count === 1 ? '1 user' : `${count} users`)
  const have =
    subscribers === 1
      ? '1 user has a subscription to this plan'
      : `${users(subscribers)} have this plan by a subscription`
  const sentences = [subscribers === 0 ? 'Nobody has a subscription to this plan.' : `${have}.`]
  if (after.is_default) sentences.push(`It holds for ${users(on_default)} without a subscription.`)
  else if (before.is_default) sentences.push(`${users(on_default)} without a subscription have no limits from now on.`)
  if (impact.takes_effect === 'now' && subscribers + on_default > 0)
    sentences.push('What it includes changes at once for everybody who has it.')
  if (pricesOf(before) !== pricesOf(after))
    sentences.push('The new prices are for who subscribes from now on; everybody else keeps the price they pay.')
  for (const [name, count] of Object.entries(over_limit)) {
    const text = overTexts[name as keyof typeof overTexts]
    const limit = after.features.limits[name as LimitName] ?? 0
    // "used" and "cost" bring a verb of their own.
    const verb = name === 'tokens_per_month' || name === 'cost_usd_per_month' ? '' : count === 1 ? ' has' : ' have'
    sentences.push(text(`${users(count)}${verb}`, limit))
  }
  return sentences.join(' ')
}
