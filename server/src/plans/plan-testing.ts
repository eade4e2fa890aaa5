import { createId } from '../database/uuid-v7.ts'
import type { TestDatabase } from '../testing/test-app.ts'
import { limitNames, type PlanFeatures, planFeaturesSchema, switchNames } from './plan-features.ts'
import { createPlan, findPlan, type PlanRow, type PlanValues } from './plan-queries.ts'

/** A plan without any limits. */
export const unlimitedFeatures: PlanFeatures = planFeaturesSchema.parse({
  limits: Object.fromEntries(limitNames.map((name) => [name, null])),
  switches: Object.fromEntries(switchNames.map((name) => [name, true])),
  integration_types: null,
  models: 'all',
  support: 'email',
  highlights: [],
})

/** A plan in the database; without limits but for those that are named. */
export async function createTestPlan(
  { database }: Pick<TestDatabase, 'database'>,
  { limits, ...values }: Partial<PlanValues> & { limits?: Partial<PlanFeatures['limits']> } = {},
): Promise<PlanRow> {
  const id = createId()
  const features = { ...unlimitedFeatures, limits: { ...unlimitedFeatures.limits, ...limits } }
  const plan = {
    name: 'Plan',
    description: 'A plan.',
    price: '0.00',
    yearly_price: null,
    currency: 'USD',
    trial_days: 0,
    position: 0,
    is_public: true,
    is_default: false,
    is_by_arrangement: false,
    features,
    ...values,
  }
  return database.asSystem('a test makes a plan', async (tx) => {
    await createPlan(tx, id, plan)
    const row = await findPlan(tx, id)
    if (!row) throw new Error('The plan is not there.')
    return row
  })
}
