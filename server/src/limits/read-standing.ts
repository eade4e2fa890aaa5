import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { type PlanFeatures, readPlanFeatures } from '../plans/plan-features.ts'

/** What holds for a user now: the plan of the present subscription, or the default one. */
export interface PlanStanding {
  plan: { id: string; name: string } | null
  subscription: {
    id: string
    status: string
    source: string
    end_date: Date | null
    period_end: Date | null
    trial_end: Date | null
    grace_until: Date | null
    cancel_at_period_end: boolean
  } | null
  /** The subscription has ended and no other took its place: nothing runs and nothing is added. */
  is_lapsed: boolean
  /** Null: no limits, because there is no plan or the user is an admin. */
  features: PlanFeatures | null
}

export interface Standing extends PlanStanding {
  /** The UTC month that counts, as YYYY-MM. */
  month: string
  resets_at: Date
  usage: {
    runs: number
    running: number
    input_tokens: number
    output_tokens: number
    cost_usd: number
    user_agents: number
    integrations: number
    api_keys: number
  }
  cost_cap_usd: number | null
}

interface PlanRow {
  role: string
  plan_id: string | null
  plan_name: string | null
  features: unknown
  subscription_id: string | null
  status: string | null
  source: string | null
  end_date: Date | null
  period_end: Date | null
  trial_end: Date | null
  grace_until: Date | null
  cancel_at_period_end: boolean | null
  is_lapsed: boolean | null
}

// As app.reserve_run decides it. Both sides of the join are single rows.
const planColumns = sql`u.role, p.id as plan_id, p.name as plan_name, p.features, s.id as subscription_id, s.status, s.source,
  s.end_date, s.period_end, s.trial_end, s.grace_until, s.cancel_at_period_end,
  s.status not in ('trialing', 'active', 'past_due') or coalesce(s.end_date <= now(), false)
    or (s.status = 'past_due' and coalesce(s.grace_until, '-infinity') <= now()) as is_lapsed`
const planTables = sql`public.users u
  left join public.subscriptions s on s.user_id = u.id and s.is_current
  left join public.plans p on p.id = coalesce(s.plan_id, (select id from public.plans where is_default))`

/** Null: there is no such user, or the transaction may not see them. */
export async function findPlanStanding(tx: Tx, userId: string): Promise<PlanStanding | null> {
  const { rows } = await sql<PlanRow>`select ${planColumns} from ${planTables} where u.id = ${userId}::uuid`.execute(tx)
  return rows[0] ? toPlanStanding(rows[0]) : null
}

/** In a transaction of the user, or of the system. Throws when there is no such user. */
export async function readStanding(tx: Tx, userId: string, now = new Date()): Promise<Standing> {
  const { month, resetsAt } = toLimitMonth(now)
  const { rows } = await sql<PlanRow & Standing['usage'] & { cost_cap_usd: number | null }>`
    select ${planColumns}, u.cost_cap_usd::float8 as cost_cap_usd,
      coalesce(m.runs, 0) as runs, coalesce(m.input_tokens, 0) as input_tokens, coalesce(m.output_tokens, 0) as output_tokens,
      coalesce(m.cost_usd, 0)::float8 as cost_usd,
      -- A run over the end of a month still runs in the next one.
      coalesce((select sum(running) from public.usage_months r where r.user_id = u.id
        and r.month between ${`${month}-01`}::date - interval '1 month' and ${`${month}-01`}::date), 0)::int as running,
      ${countOf.user_agents(sql`u.id`)} as user_agents, ${countOf.integrations(sql`u.id`)} as integrations,
      ${countOf.api_keys(sql`u.id`)} as api_keys
    from ${planTables} left join public.usage_months m on m.user_id = u.id and m.month = ${`${month}-01`}::date
    where u.id = ${userId}::uuid`.execute(tx)
  const [row] = rows
  if (!row) throw new Error('There is no such user.')
  const { runs, running, input_tokens, output_tokens, cost_usd, user_agents, integrations, api_keys } = row
  return {
    ...toPlanStanding(row),
    month,
    resets_at: resetsAt,
    usage: { runs, running, input_tokens, output_tokens, cost_usd, user_agents, integrations, api_keys },
    cost_cap_usd: row.cost_cap_usd,
  }
}

/** What is counted now, by the name of its limit. */
const countOf = {
  user_agents: (userId: ReturnType<typeof sql>) =>
    sql`(select count(*)::int from public.user_agents a where a.user_id = ${userId} and a.is_active)`,
  integrations: (userId: ReturnType<typeof sql>) =>
    sql`(select count(*)::int from public.integrations i join public.user_agents a on a.id = i.user_agent_id
      where a.user_id = ${userId} and a.is_active)`,
  api_keys: (userId: ReturnType<typeof sql>) =>
    sql`(select count(*)::int from public.api_keys k where k.user_id = ${userId} and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now()))`,
}

export type CountedLimit = keyof typeof countOf

export async function countUsed(tx: Tx, userId: string, name: CountedLimit): Promise<number> {
  const { rows } = await sql<{ used: number }>`select ${countOf[name](sql`${userId}::uuid`)} as used`.execute(tx)
  return rows[0]?.used ?? 0
}

function toPlanStanding(row: PlanRow): PlanStanding {
  const { plan_id, plan_name, subscription_id, status, source, cancel_at_period_end } = row
  const { end_date, period_end, trial_end, grace_until } = row
  const isAdmin = row.role === 'admin'
  return {
    plan: plan_id !== null && plan_name !== null ? { id: plan_id, name: plan_name } : null,
    subscription:
      subscription_id !== null && status !== null && source !== null
        ? {
            ...{ id: subscription_id, status, source, end_date, period_end, trial_end, grace_until },
            cancel_at_period_end: cancel_at_period_end === true,
          }
        : null,
    is_lapsed: !isAdmin && row.is_lapsed === true,
    features: isAdmin || plan_id === null ? null : readPlanFeatures(row.features),
  }
}

/** Limits of a month are those of the UTC calendar month, for everybody. */
export function toLimitMonth(moment: Date): { month: string; resetsAt: Date } {
  return {
    month: moment.toISOString().slice(0, 7),
    resetsAt: new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + 1)),
  }
}
