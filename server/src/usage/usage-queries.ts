import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { usageOfLog } from './roll-up-queries.ts'
import type { UsageGroup, UsageOfGroup, UsagePeriod, UsageQuery, UsageRow, UsageTotal } from './usage-schemas.ts'

export interface Usage {
  periods: Date[]
  data: UsageRow[]
  groups: UsageOfGroup[]
  total: UsageTotal
}

interface Grouping {
  key: RawBuilder<unknown>
  name: RawBuilder<unknown>
}

const groupings: Record<UsageGroup | 'none', Grouping> = {
  none: { key: sql`null::text`, name: sql`null::text` },
  agent: {
    key: sql`agent_id::text`,
    // Whoever has configured an agent that is no longer public sees the versions they run on.
    name: sql`coalesce((select name from agents where id = "group"::uuid),
      (select name from agent_versions where agent_id = "group"::uuid order by version desc limit 1))`,
  },
  user_agent: { key: sql`user_agent_id::text`, name: sql`(select name from user_agents where id = "group"::uuid)` },
  model: { key: sql`model::text`, name: sql`"group"` },
  source: { key: sql`source::text`, name: sql`"group"` },
}

const startOf = (by: UsagePeriod, timeZone: string) =>
  by === 'hour'
    ? sql`hour`
    : sql`date_trunc(${sql.lit(by)}, hour at time zone ${timeZone}::text) at time zone ${timeZone}::text`

/**
 * Whole hours come from usage_hours; what is not rolled up yet from the logs themselves, through the index of their
 * owner. One statement, so that both are of one moment.
 */
export async function readUsage(tx: Tx, query: UsageQuery): Promise<Usage> {
  const { by, group, time_zone: timeZone, user_agent_id: userAgentId = null } = query
  const { periods, end } = await listPeriods(tx, query)
  const [begin = end] = periods
  const { key, name } = groupings[group ?? 'none']
  // A day of a time zone with a half-hour may begin within an hour; that hour belongs to the day before.
  const [from, to] = [wholeHour(begin), wholeHour(end)]
  const { rows } = await sql<UsageRow & { level: 'total' | 'group' | 'period' }>`
    with entries as (
      select user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled, interrupted,
        input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs
      from usage_hours where hour >= ${from} and hour < ${to}
      union all
      select ${usageOfLog} from agent_logs
      where "timestamp" >= greatest(${from}::timestamptz, (select rolled_until from usage_rollup)) and "timestamp" < ${to}
    ),
    sorted as (
      select *, ${key} as "group", ${startOf(by, timeZone)} as start from entries
      where ${userAgentId}::uuid is null or user_agent_id = ${userAgentId}::uuid
    ),
    summed as (
      select start, "group", case grouping(start, "group") when 0 then 'period' when 2 then 'group' else 'total' end as level,
        coalesce(sum(runs), 0)::bigint as runs, coalesce(sum(succeeded), 0)::bigint as succeeded,
        coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(cancelled), 0)::bigint as cancelled,
        coalesce(sum(interrupted), 0)::bigint as interrupted,
        coalesce(sum(runs - succeeded - failed - cancelled - interrupted), 0)::bigint as running,
        coalesce(sum(input_tokens), 0)::bigint as input_tokens, coalesce(sum(output_tokens), 0)::bigint as output_tokens,
        coalesce(sum(cost_usd), 0)::float8 as cost_usd, coalesce(sum(unpriced_runs), 0)::bigint as unpriced_runs,
        round(sum(latency_ms) / nullif(sum(timed_runs), 0))::bigint as latency_ms
      from sorted group by grouping sets ((start, "group"), ("group"), ())
    )
    select *, ${name} as group_name from summed where runs <> 0 or level = 'total' order by start, runs desc, "group"`.execute(
    tx,
  )
  const of = (wanted: string) => rows.filter(({ level }) => level === wanted)
  const [total] = of('total')
  if (!total) throw new Error('The sum of no rows is a row.')
  return { periods, data: of('period'), groups: group ? of('group') : [], total }
}

/** Begin of every period that the range touches, and the end of the last one. */
async function listPeriods(tx: Tx, { from, to, by, time_zone: timeZone }: UsageQuery) {
  // Hours are counted in UTC: where clocks are set back, one of local time would come twice.
  const zone = by === 'hour' ? 'UTC' : timeZone
  const { rows } = await sql<{ start: Date; next: Date }>`
    select start at time zone ${zone}::text as start, (start + step) at time zone ${zone}::text as next
    from (select make_interval(hours => ${by === 'hour' ? 1 : 0}, days => ${by === 'day' ? 1 : 0}, months => ${by === 'month' ? 1 : 0}) as step) s,
      generate_series(date_trunc(${sql.lit(by)}, ${from}::timestamptz at time zone ${zone}::text),
        (${to}::timestamptz at time zone ${zone}::text) - interval '1 microsecond', step) start
    order by 1`.execute(tx)
  return { periods: rows.map(({ start }) => start), end: rows.at(-1)?.next ?? to }
}

const hourMs = 3_600_000
const wholeHour = (moment: Date) => new Date(Math.ceil(moment.getTime() / hourMs) * hourMs)
