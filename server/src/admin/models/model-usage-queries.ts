import { sql } from 'kysely'
import type { Tx } from '../../database/database.ts'
import { usageOfLog } from '../../usage/roll-up-queries.ts'

export interface ModelUsage {
  model: string
  runs: number
  unpriced_runs: number
  input_tokens: number
  output_tokens: number
  cost_usd: number
}

/** Runs of everybody in the present UTC month, by model. Runs that have not asked a model yet have none. */
export async function readModelUsage(tx: Tx): Promise<ModelUsage[]> {
  const { rows } = await sql<ModelUsage>`
    with entries as (
      select model, runs, unpriced_runs, input_tokens, output_tokens, cost_usd from public.usage_hours
      where hour >= date_trunc('month', now(), 'UTC')
      union all
      select model, runs, unpriced_runs, input_tokens, output_tokens, cost_usd from (
        select ${usageOfLog} from public.agent_logs where "timestamp" >= greatest(date_trunc('month', now(), 'UTC'),
          (select rolled_until from public.usage_rollup))
      ) logs
    )
    select model, sum(runs)::bigint as runs, sum(unpriced_runs)::bigint as unpriced_runs,
      sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens, sum(cost_usd)::float8 as cost_usd
    from entries where model is not null group by model having sum(runs) > 0 order by model`.execute(tx)
  return rows
}
