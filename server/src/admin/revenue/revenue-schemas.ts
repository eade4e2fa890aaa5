import { z } from 'zod'
import { problemSchema, timestampSchema } from '../../http/schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const money = (description: string, example: string) => z.string().meta({ description, example })
const count = (description: string, example: number) => z.number().int().meta({ description, example })
const currency = z.string().meta({ description: 'Currency', example: 'USD' })

const movementSchema = z
  .object({
    currency,
    mrr: money('What all paying subscribers pay a month at the end of the month; a year counts as twelve', '1490.00'),
    mrr_new: money('Of it, from who did not pay a month before', '149.00'),
    mrr_expansion: money('What the others pay more than a month before', '100.00'),
    mrr_contraction: money('What they pay less', '0.00'),
    mrr_churned: money('What those paid who pay no longer', '49.00'),
    income: money('What subscriptions earn in the month, by the second; in the present month as expected', '1440.13'),
  })
  .meta({ id: 'RevenueOfCurrency', description: 'Money of a month in one currency' })

const monthSchema = z
  .object({
    month: z.string().meta({ description: 'First day of the month (UTC)', example: '2026-11-01' }),
    paying: count('Users who pay at its end; in the present month, now', 10),
    new: count('Of these, who did not pay a month before', 2),
    churned: count('Users who paid a month before and pay no longer', 1),
    churn_rate: z.number().nullable().meta({
      description: 'The latter as a share of all who paid a month before; null when nobody did',
      example: 0.11,
    }),
    trialing: count('Users on trial at its end', 3),
    given: count('Users with a plan that was given to them, at its end', 1),
    currencies: z.array(movementSchema).meta({ description: 'Money, each currency for itself' }),
    runs: count('Runs that began in the month', 48_210),
    unpriced_runs: count('Of these, ended ones whose cost is not known', 0),
    model_cost_usd: z.number().meta({ description: 'What models cost in the month, in US dollars', example: 61.2 }),
  })
  .meta({ id: 'RevenueOfMonth', description: 'Subscribers, money, runs and cost of a month' })

const planSchema = z
  .object({
    plan_id: z.uuid().meta({ description: 'Id of the plan', example: exampleId }),
    name: z.string().meta({ description: 'Name of the plan', example: 'Professional' }),
    currency,
    paying: count('Users who pay for it now', 6),
    mrr: money('What they pay a month', '894.00'),
  })
  .meta({ id: 'RevenueOfPlan', description: 'Who pays for a plan now' })

const statesSchema = z
  .object({
    trialing: count('Users on trial', 3),
    active: count('Users whose subscription is active, free and given ones too', 120),
    past_due: count('Users whose last payment failed, and who still have time to pay', 1),
    lapsed: count('Users whose subscription has ended, and who chose no other plan', 4),
    comp: count('Of the others, those whose plan was given to them', 2),
  })
  .meta({ id: 'SubscriptionStates', description: 'How the subscriptions of all users stand now' })

const daySchema = z
  .object({
    day: z.string().meta({ description: 'The day (UTC)', example: '2026-11-22' }),
    runs: count('Runs that began on it', 1650),
    failed: count('Of these, failed ones', 4),
    users: count('Users who ran anything', 31),
    cost_usd: z.number().meta({ description: 'What models cost, in US dollars', example: 2.1 }),
  })
  .meta({ id: 'RunsOfDay', description: 'Runs and cost of a day' })

export const revenueRoutes = {
  'GET /api/v1/admin/revenue': {
    tags: ['Admin'],
    operationId: 'getRevenue',
    summary: 'Revenue and usage',
    description:
      'Monthly recurring revenue, subscribers and churn by month, and what models cost beside it. Free plans, trials and given plans earn nothing. At most a minute old. For admins.',
    querystring: z.strictObject({
      months: z.coerce
        .number()
        .int()
        .min(1)
        .max(36)
        .default(12)
        .meta({ description: 'How many months, the present one among them', example: 12 }),
    }),
    response: {
      200: z.object({
        at: timestampSchema.meta({ description: 'When it was counted' }),
        months: z.array(monthSchema).meta({ description: 'The months, oldest first' }),
        states: statesSchema,
        plans: z.array(planSchema).meta({ description: 'Who pays for what now, most money first' }),
        days: z.array(daySchema).meta({ description: 'The last 30 days, oldest first' }),
      }),
      ...problems,
    },
  },
} as const

export type Revenue = z.output<(typeof revenueRoutes)['GET /api/v1/admin/revenue']['response'][200]>
export type RevenueMonth = z.output<typeof monthSchema>
