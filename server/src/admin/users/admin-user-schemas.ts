import { z } from 'zod'
import { pageOf, pageQuery } from '../../http/pagination.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../../http/schemas.ts'
import { roleSchema, userFields } from '../../users/user-schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['Admin']
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const count = (description: string, example: number) => z.number().int().meta({ description, example })

export const subscriptionStates = ['trialing', 'active', 'past_due', 'canceled', 'expired', 'incomplete'] as const

const subscriptionSchema = z
  .object({
    id: z.uuid().meta({ description: 'Id of the subscription', example: exampleId }),
    status: z.enum(subscriptionStates).meta({ description: 'Its state', example: 'active' }),
    source: z.enum(['free', 'manual', 'comp', 'stripe']).meta({ description: 'Where it came from', example: 'stripe' }),
    billing_interval: z
      .enum(['month', 'year'])
      .nullable()
      .meta({ description: 'What is paid for; null where nothing is paid', example: 'month' }),
    price: z.string().meta({ description: 'What is paid for each interval', example: '49.00' }),
    currency: z.string().meta({ description: 'Currency of the price', example: 'USD' }),
    period_end: timestampSchema.nullable().meta({ description: 'End of what is paid for' }),
    end_date: timestampSchema.nullable().meta({ description: 'When it ends or ended; null: it goes on' }),
    cancel_at_period_end: z.boolean().meta({ description: 'Whether it ends with the period', example: false }),
    grace_until: timestampSchema.nullable().meta({ description: 'How long runs go on after a payment that failed' }),
    next_plan_name: z
      .string()
      .nullable()
      .meta({ description: 'The plan that begins with the next period; null: none', example: 'Starter' }),
  })
  .meta({ id: 'SubscriptionOfUser', description: 'The subscription that counts' })

export const adminUserSchema = z
  .object({
    ...userFields,
    suspended_at: timestampSchema.nullable().meta({
      description: 'Since when the account cannot sign in; null when it can',
      example: null,
    }),
    plan: z
      .object({
        id: z.uuid().meta({ description: 'Id of the plan', example: exampleId }),
        name: z.string().meta({ description: 'Name of the plan', example: 'Professional' }),
      })
      .nullable()
      .meta({ description: 'The plan that counts, of the subscription or the default one; null: no limits' }),
    subscription: subscriptionSchema.nullable().meta({ description: 'The subscription; null: there never was one' }),
    is_lapsed: z.boolean().meta({ description: 'True when the subscription has ended: nothing runs', example: false }),
    runs: count('Runs of this month (UTC) that count', 120),
    cost_usd: z.number().meta({ description: 'What models cost for them, in US dollars', example: 0.42 }),
  })
  .meta({ id: 'AdminUser', description: 'An account as admins see it' })

const detailSchema = z
  .object({
    user: adminUserSchema,
    cost_cap_usd: z
      .number()
      .nullable()
      .meta({ description: 'The most that this user wants to spend a month; null: no cap of their own', example: 20 }),
    sessions: count('Where the account is signed in', 2),
    api_keys: count('API keys that work', 1),
    user_agents: count('User agents that are switched on', 2),
    integrations: count('Connected accounts', 3),
    limits: z
      .array(
        z.object({
          name: z.string().meta({ description: 'Name of the limit', example: 'runs_per_month' }),
          limit: z.number().nullable().meta({ description: 'How much there may be; null: no limit', example: 5000 }),
          used: z.number().meta({ description: 'How much there is', example: 120 }),
        }),
      )
      .meta({ description: 'The limits of the plan and how much of each is used' }),
    days: z
      .array(
        z.object({
          day: z.string().meta({ description: 'The day (UTC)', example: '2026-11-22' }),
          runs: count('Runs that began on it', 12),
          failed: count('Of these, failed ones', 0),
          tokens: count('Tokens read and written', 18_240),
          cost_usd: z.number().meta({ description: 'What models cost, in US dollars', example: 0.04 }),
        }),
      )
      .meta({ description: 'The last 30 days, oldest first, those without runs too' }),
  })
  .meta({ id: 'AdminUserDetail', description: 'An account with its plan and usage. Inputs and answers stay private' })

export const adminUserRoutes = {
  'GET /api/v1/admin/users': {
    tags,
    summary: 'All accounts',
    description: 'Newest first, with plan and usage of the month. For admins.',
    querystring: z.object({
      search: typedText(100).optional().meta({ description: 'Part of an e-mail or name', example: 'ada' }),
      plan_id: z.uuid().optional().meta({ description: 'Only who has this plan', example: exampleId }),
      status: z
        .enum([...subscriptionStates, 'none'])
        .optional()
        .meta({ description: 'Only subscriptions of this state; `none`: only users without one', example: 'past_due' }),
      is_suspended: z
        .enum(['true', 'false'])
        .transform((text) => text === 'true')
        .optional()
        .meta({ description: 'Only accounts that are suspended, or that are not', example: 'true' }),
      role: roleSchema.optional().meta({ description: 'Only accounts of this role', example: 'admin' }),
      ...pageQuery,
    }),
    response: { 200: pageOf(adminUserSchema), ...problems },
  },
  'GET /api/v1/admin/users/:id': {
    tags,
    summary: 'An account',
    description:
      'Its plan, what is used of each limit, and runs and cost by day. What was asked and answered stays private. For admins.',
    params: idParams,
    response: { 200: detailSchema, ...problems },
  },
  'PATCH /api/v1/admin/users/:id': {
    tags,
    summary: 'Change role or suspension',
    description:
      'Works within a second, also for tokens and keys that are already out. Suspending ends all sessions. The last admin ' +
      'can be neither demoted nor suspended. For admins.',
    params: idParams,
    body: z.strictObject({
      role: roleSchema.optional().meta({ description: 'What the account may do', example: 'admin' }),
      is_suspended: z.boolean().optional().meta({ description: 'True locks the account out', example: false }),
    }),
    response: { 200: adminUserSchema, ...problems },
  },
  'POST /api/v1/admin/users/:id/sign-out': {
    tags,
    summary: 'Sign an account out everywhere',
    description:
      'Ends all its sessions within a second. API keys go on working unless `api_keys=true` revokes them too; a revoked ' +
      'key never works again. Tokens of Supabase Auth are not among them: suspend the account to lock them out. For admins.',
    params: idParams,
    querystring: z.strictObject({
      api_keys: z
        .enum(['true', 'false'])
        .default('false')
        .transform((text) => text === 'true')
        .meta({ description: 'Whether API keys are revoked too', example: 'false' }),
    }),
    response: {
      200: z.object({
        sessions: count('Sessions that were ended', 2),
        api_keys: count('API keys that were revoked', 0),
      }),
      ...problems,
    },
  },
} as const

export type AdminUser = z.output<typeof adminUserSchema>
export type AdminUserDetail = z.output<typeof detailSchema>
export type AdminUserQuery = z.output<(typeof adminUserRoutes)['GET /api/v1/admin/users']['querystring']>
