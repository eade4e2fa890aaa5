import type { Database } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import type { PlanFeatures } from '../plans/plan-features.ts'

export interface TestPlan {
  limits?: Partial<PlanFeatures['limits']>
  switches?: Partial<PlanFeatures['switches']>
  integration_types?: string[] | null
  models?: PlanFeatures['models']
  name?: string
  price?: string
  is_public?: boolean
  is_default?: boolean
  is_by_arrangement?: boolean
}

const noLimits: PlanFeatures['limits'] = {
  user_agents: null,
  runs_per_month: null,
  tokens_per_month: null,
  cost_usd_per_month: null,
  integrations: null,
  api_keys: null,
  concurrent_runs: null,
  log_retention_days: null,
  upload_kb: null,
}

/** A plan that includes everything but what is said. Answers its id. */
export async function insertTestPlan(
  database: Database,
  { limits, switches, integration_types = null, models = 'all', ...plan }: TestPlan = {},
): Promise<string> {
  const id = createId()
  const features: PlanFeatures = {
    limits: { ...noLimits, ...limits },
    switches: { api: true, widget: true, schedules: true, publishing: true, own_model_keys: true, ...switches },
    integration_types,
    models,
    support: 'email',
    highlights: [],
  }
  await database.asSystem('a test makes a plan', (tx) =>
    tx
      .insertInto('plans')
      .values({
        ...{ id, name: 'Test', description: 'For a test.', price: '10.00', is_public: false },
        ...plan,
        features: JSON.stringify(features),
      })
      .execute(),
  )
  return id
}

/** In place of what the user has. Answers the id of the plan. */
export async function subscribeTestUser(
  database: Database,
  userId: string,
  plan: TestPlan = {},
  more: { status?: string; source?: string; end_date?: Date; grace_until?: Date; is_current?: boolean } = {},
): Promise<string> {
  const planId = await insertTestPlan(database, plan)
  await database.asSystem('a test subscribes a user', async (tx) => {
    await tx.updateTable('subscriptions').set({ is_current: false }).where('user_id', '=', userId).execute()
    await tx
      .insertInto('subscriptions')
      .values({
        ...{
          id: createId(),
          user_id: userId,
          plan_id: planId,
          status: 'active',
          start_date: new Date(Date.now() - 86_400_000),
        },
        is_current: true,
        ...more,
      })
      .execute()
  })
  return planId
}

/** What limits have counted for a user, all months together, and what is reserved. */
export function readCounters(database: Database, userId: string) {
  return database.asSystem('a test reads what limits counted', async (tx) => {
    const months = await tx.selectFrom('usage_months').selectAll().where('user_id', '=', userId).execute()
    const reservations = await tx.selectFrom('run_reservations').selectAll().where('user_id', '=', userId).execute()
    const sum = (read: (row: (typeof months)[number]) => unknown) =>
      months.reduce((total, row) => total + Number(read(row)), 0)
    return {
      runs: sum((row) => row.runs),
      running: sum((row) => row.running),
      input_tokens: sum((row) => row.input_tokens),
      output_tokens: sum((row) => row.output_tokens),
      cost_usd: sum((row) => row.cost_usd),
      reserved_cost_usd: sum((row) => row.reserved_cost_usd),
      reservations: reservations.length,
    }
  })
}
