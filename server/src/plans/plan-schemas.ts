import { z } from 'zod'
import { planFeaturesSchema } from '../catalogue/catalogue-schemas.ts'

const planSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
    slug: z
      .string()
      .nullable()
      .meta({ description: 'Its name in the catalogue; null for plans an admin made', example: 'starter' }),
    name: z.string().meta({ description: 'Its name', example: 'Starter' }),
    description: z
      .string()
      .meta({ description: 'Whom it is for', example: 'For a shop that uses its agents every week.' }),
    price: z.string().meta({ description: 'US dollars a month', example: '19.00' }),
    features: planFeaturesSchema.meta({
      description: 'What it includes; null is no limit',
      example: {
        runs_per_month: 2000,
        user_agents: 5,
        integrations: 3,
        log_retention_days: 90,
        models: 'all',
        support: 'email',
        highlights: ['2,000 runs a month'],
      },
    }),
  })
  .meta({ id: 'Plan', description: 'A subscription plan' })

export const planRoutes = {
  'GET /api/v1/plans': {
    operationId: 'listPlans',
    summary: 'List plans',
    description: 'Cheapest first.',
    tags: ['Plans'],
    response: { 200: z.object({ data: z.array(planSchema).meta({ description: 'All plans' }) }) },
  },
} as const
