import { z } from 'zod'
import { problemSchema, timestampSchema } from '../http/schemas.ts'
import { planFeaturesSchema } from '../plans/plan-features.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const moment = (description: string, example: string | null = null) =>
  timestampSchema.nullable().meta({ description, example })
const count = (description: string, example: number) => z.number().int().meta({ description, example })

const standingPlanSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: exampleId }),
    name: z.string().meta({ description: 'Its name', example: 'Starter' }),
  })
  .nullable()
  .meta({ description: 'The plan that counts; null when the site has none' })

const standingSubscriptionSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: exampleId }),
    status: z.string().meta({ description: 'Its state', example: 'active' }),
    source: z.string().meta({ description: 'Where it came from', example: 'stripe' }),
    end_date: moment('When it ends; null for as long as it is wanted'),
    period_end: moment('Until when it is paid', '2026-12-22T09:30:00.000Z'),
    trial_end: moment('When the trial ends; null when there is none'),
    grace_until: moment('After a payment failed: until when runs go on'),
    cancel_at_period_end: z.boolean().meta({ description: 'Whether it ends with what is paid', example: false }),
  })
  .nullable()
  .meta({ description: 'The present subscription; null: none yet' })

const limitSchema = z
  .object({
    name: z.string().meta({
      description:
        'Which: `runs_per_month`, `tokens_per_month`, `cost_usd_per_month`, `user_agents`, `integrations`, `api_keys`, `concurrent_runs`, `log_retention_days`, `upload_kb` of the plan, or `cost_cap` of your own',
      example: 'runs_per_month',
    }),
    limit: z.number().nullable().meta({ description: 'How much there may be; null is no limit', example: 5000 }),
    used: z
      .number()
      .nullable()
      .meta({ description: 'How much there is; null where nothing is counted', example: 4100 }),
    percent: z
      .number()
      .nullable()
      .meta({ description: 'Used, of the limit, rounded down; null without a limit', example: 82 }),
    resets_at: moment('When it starts anew; null when it does not', '2026-12-01T00:00:00.000Z'),
  })
  .meta({ id: 'Limit', description: 'One limit and how much of it is used' })

export const standingSchema = z
  .object({
    plan: standingPlanSchema,
    subscription: standingSubscriptionSchema,
    is_lapsed: z.boolean().meta({
      description: 'The subscription has ended: everything is kept, and nothing runs until a plan is chosen',
      example: false,
    }),
    features: planFeaturesSchema
      .nullable()
      .meta({ description: 'What the plan includes; null: no plan holds for this account' }),
    month: z.string().meta({ description: 'The UTC month that is counted', example: '2026-11' }),
    resets_at: timestampSchema.meta({ description: 'When the next one begins', example: '2026-12-01T00:00:00.000Z' }),
    usage: z
      .object({
        runs: count('Runs of this month that count: not the failed and the interrupted', 4100),
        running: count('Runs at this moment', 2),
        input_tokens: count('Tokens that models read this month', 1_240_000),
        output_tokens: count('Tokens that models wrote this month', 310_000),
        cost_usd: z.number().meta({ description: 'What models cost this month, in US dollars', example: 12.4 }),
        user_agents: count('User agents that are switched on', 2),
        integrations: count('Accounts connected to them', 3),
        api_keys: count('API keys that work', 1),
      })
      .meta({ description: 'What is used' }),
    cost_cap_usd: z
      .number()
      .nullable()
      .meta({ description: 'What you allow yourself a month, in US dollars; null: no cap', example: 25 }),
    limits: z.array(limitSchema).meta({ description: 'Every limit', example: [] }),
    switches: z
      .record(z.string(), z.boolean())
      .meta({ description: 'What can be used at all', example: { api: true, widget: true } }),
    warnings: z
      .array(
        z.object({
          limit: z.string().meta({ description: 'Name of the limit', example: 'runs_per_month' }),
          threshold: z.union([z.literal(80), z.literal(100)]).meta({ description: 'Percent reached', example: 80 }),
        }),
      )
      .meta({ description: 'Limits of the month of which 80 or 100 percent are used', example: [] }),
  })
  .meta({ id: 'Limits', description: 'The plan, its limits and what of them is used' })

export const limitRoutes = {
  'GET /api/v1/me/limits': {
    operationId: 'getMyLimits',
    tags: ['Plans'],
    summary: 'My limits',
    description: 'The plan that counts for you, its limits, what is used of them, and which are nearly reached.',
    response: { 200: standingSchema, ...problems },
  },
} as const
