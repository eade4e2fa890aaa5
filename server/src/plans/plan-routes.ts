import type { Services } from '../app.ts'
import type { PlanFeatures } from '../catalogue/catalogue-schemas.ts'
import type { App } from '../http/app-types.ts'
import { listPlans } from './plan-queries.ts'
import { planRoutes } from './plan-schemas.ts'

export function addPlanRoutes(app: App, { database }: Services): void {
  app.get('/api/v1/plans', { schema: planRoutes['GET /api/v1/plans'], config: { access: 'public' } }, async () => {
    const plans = await database.asAnonymous(listPlans)
    // Only the catalogue writes plans, and its schema has read them.
    return { data: plans.map((plan) => ({ ...plan, features: plan.features as PlanFeatures })) }
  })
}
