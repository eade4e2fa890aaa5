import { z } from 'zod'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'
import { planSchema } from '../plans/plan-schemas.ts'
import { subscriptionEventTypes, subscriptionStatuses } from './transitions.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['Subscription']
const adminTags = ['Admin']
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const exampleTime = '2026-12-22T09:30:00.000Z'

export const subscriptionSources = ['free', 'manual', 'comp', 'stripe'] as const
export const billingIntervalSchema = z.enum(['month', 'year'])

export type SubscriptionSource = (typeof subscriptionSources)[number]
export type BillingInterval = z.output<typeof billingIntervalSchema>

const moment = (description: string, example: string | null = null) =>
  timestampSchema.nullable().meta({ description, example })

/** What stays switched on when a plan with less takes effect. */
export const keepSchema = z
  .strictObject({
    user_agent_ids: z
      .array(z.uuid())
      .max(10_000)
      .meta({ description: 'User agents that stay on; every other one is switched off', example: [exampleId] }),
    api_key_ids: z
      .array(z.uuid())
      .max(1000)
      .meta({ description: 'API keys that go on working; every other one is revoked', example: [] }),
  })
  .meta({ id: 'Keep', description: 'What stays on when a plan with less takes effect' })

export type Keep = z.output<typeof keepSchema>

export const subscriptionSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: exampleId }),
    plan_id: z.uuid().meta({ description: 'The plan', example: exampleId }),
    status: z.enum(subscriptionStatuses).meta({
      description: '`canceled` and `expired` have ended and never come back; `incomplete` has not begun',
      example: 'active',
    }),
    source: z.enum(subscriptionSources).meta({
      description:
        '`free`: chosen, costs nothing; `manual`: an admin put it there; `comp`: given; `stripe`: paid there',
      example: 'stripe',
    }),
    billing_interval: billingIntervalSchema
      .nullable()
      .meta({ description: 'What is paid for at a time; null where nothing is paid', example: 'month' }),
    price: z.string().meta({ description: 'What is paid for each interval, in `currency`', example: '49.00' }),
    currency: z.string().meta({ description: 'ISO 4217 code of the price', example: 'USD' }),
    start_date: timestampSchema.meta({ description: 'When it began', example: '2026-11-22T09:30:00.000Z' }),
    end_date: moment('When it ends or ended; null when nothing says so'),
    period_start: moment('When the paid period began', '2026-11-22T09:30:00.000Z'),
    period_end: moment('When the paid period ends', exampleTime),
    trial_end: moment('When the trial ends or ended'),
    cancel_at_period_end: z.boolean().meta({ description: 'It ends with the period', example: false }),
    canceled_at: moment('When it was cancelled'),
    grace_until: moment('After a failed payment: until when runs go on'),
    next_plan_id: z.uuid().nullable().meta({ description: 'The plan from the next period on', example: null }),
    next_billing_interval: billingIntervalSchema
      .nullable()
      .meta({ description: 'What is paid for from then on', example: null }),
    next_keep: keepSchema.nullable().meta({ description: 'What was chosen to stay on then', example: null }),
    updated_at: timestampSchema.meta({ description: 'When it last changed', example: '2026-11-22T09:30:00.000Z' }),
  })
  .meta({ id: 'Subscription', description: 'Which plan a user has, from when to when' })

export type Subscription = z.output<typeof subscriptionSchema>

export const planRequestStatuses = ['open', 'accepted', 'refused', 'withdrawn'] as const

const planRequestFields = {
  id: z.uuid().meta({ description: 'Its id', example: exampleId }),
  plan_id: z.uuid().meta({ description: 'The plan that is asked for', example: exampleId }),
  plan_name: z.string().meta({ description: 'Its name', example: 'Starter' }),
  billing_interval: billingIntervalSchema
    .nullable()
    .meta({ description: 'By the month or the year', example: 'month' }),
  message: z.string().nullable().meta({ description: 'What the user wrote', example: null }),
  status: z.enum(planRequestStatuses).meta({ description: 'What became of it', example: 'open' }),
  answer: z.string().nullable().meta({ description: 'What the admin answered', example: null }),
  created_at: timestampSchema.meta({ description: 'When it was asked', example: '2026-11-22T09:30:00.000Z' }),
  decided_at: moment('When an admin answered'),
}

export const planRequestSchema = z
  .object(planRequestFields)
  .meta({ id: 'PlanRequest', description: 'A plan that a user asks an admin for' })

const customerSchema = z
  .object({
    id: z.uuid().meta({ description: 'Id of the user', example: exampleId }),
    email: z.string().meta({ description: 'Their e-mail', example: 'ada@example.com' }),
    first_name: z.string().nullable().meta({ description: 'First name', example: 'Ada' }),
    last_name: z.string().nullable().meta({ description: 'Last name', example: 'Lovelace' }),
  })
  .meta({ id: 'Customer', description: 'Whose subscription or request it is' })

const adminSubscriptionSchema = z
  .object({
    ...subscriptionSchema.shape,
    plan_name: z.string().meta({ description: 'Name of the plan', example: 'Starter' }),
    user: customerSchema,
  })
  .meta({ id: 'AdminSubscription', description: 'A subscription as admins see it' })

const adminPlanRequestSchema = z
  .object({ ...planRequestFields, user: customerSchema })
  .meta({ id: 'AdminPlanRequest', description: 'A request for a plan as admins see it' })

const eventSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: exampleId }),
    subscription_id: z.uuid().meta({ description: 'The subscription', example: exampleId }),
    type: z.enum(subscriptionEventTypes).meta({ description: 'What happened', example: 'plan_changed' }),
    from_status: z.enum(subscriptionStatuses).nullable().meta({ description: 'Before', example: 'active' }),
    to_status: z.enum(subscriptionStatuses).meta({ description: 'Afterwards', example: 'active' }),
    from_plan_id: z.uuid().nullable().meta({ description: 'Plan before', example: exampleId }),
    from_plan_name: z.string().nullable().meta({ description: 'Its name', example: 'Starter' }),
    to_plan_id: z.uuid().meta({ description: 'Plan afterwards', example: exampleId }),
    to_plan_name: z.string().nullable().meta({ description: 'Its name', example: 'Professional' }),
    by: z
      .enum(['me', 'admin', 'server'])
      .meta({ description: 'Who did it; `server`: by itself, or because Stripe said so', example: 'me' }),
    detail: z.record(z.string(), z.unknown()).meta({
      description: 'Price, currency, interval and source afterwards, and the reason an admin gave',
      example: { price: '149.00', currency: 'USD', billing_interval: 'month', source: 'stripe' },
    }),
    created_at: timestampSchema.meta({ description: 'When', example: '2026-11-22T09:30:00.000Z' }),
  })
  .meta({ id: 'SubscriptionEvent', description: 'One change of a subscription' })

const mySubscriptionSchema = z
  .object({
    subscription: subscriptionSchema
      .nullable()
      .meta({ description: 'The current one, also when it has ended; null when there never was one' }),
    plan: planSchema
      .nullable()
      .meta({ description: 'The plan that counts: of the subscription, else the default; null: no limits' }),
    is_lapsed: z.boolean().meta({
      description: 'It has ended: everything is kept, nothing runs until a plan is chosen',
      example: false,
    }),
    next_plan: planSchema.nullable().meta({ description: 'The plan from the next period on' }),
    can_pay: z.boolean().meta({ description: 'Plans are paid by Stripe; else an admin is asked', example: true }),
    request: planRequestSchema.nullable().meta({ description: 'The newest request that was not withdrawn' }),
  })
  .meta({ id: 'MySubscription', description: 'What the user has, and what is to come' })

const choice = {
  plan_id: z.uuid().meta({ description: 'The plan', example: exampleId }),
  billing_interval: billingIntervalSchema
    .nullable()
    .default(null)
    .meta({ description: 'By the month or the year; null for plans that cost nothing', example: 'month' }),
}

const mustChooseSchema = z.object({
  user_agents: z
    .object({
      limit: z.int().nullable().meta({ description: 'How many can stay on', example: 2 }),
      accounts_limit: z
        .int()
        .nullable()
        .meta({ description: 'How many accounts those that stay on can have together', example: 5 }),
      items: z
        .array(
          z.object({
            id: z.uuid().meta({ description: 'Id of the user agent', example: exampleId }),
            name: z.string().meta({ description: 'Its name', example: 'Shop support' }),
            is_active: z.boolean().meta({ description: 'Whether it is on', example: true }),
            accounts: z.int().meta({ description: 'Accounts connected to it', example: 1 }),
          }),
        )
        .meta({ description: 'Those that are on, oldest first' }),
    })
    .meta({ description: 'User agents that are on' }),
  api_keys: z
    .object({
      limit: z.int().nullable().meta({ description: 'How many can go on working', example: 1 }),
      items: z
        .array(
          z.object({
            id: z.uuid().meta({ description: 'Id of the key', example: exampleId }),
            name: z.string().meta({ description: 'Its name', example: 'Shop backend' }),
            last_used_at: moment('When it was last used, to the minute'),
          }),
        )
        .meta({ description: 'Those that work, oldest first' }),
    })
    .meta({ description: 'API keys that work' }),
})

const previewSchema = z
  .object({
    kind: z.enum(['same', 'upgrade', 'downgrade', 'begin', 'request']).meta({
      description:
        '`same`: you have it already; `begin`: nothing is running that it would change; `request`: an admin is asked',
      example: 'upgrade',
    }),
    takes_effect_at: moment('When the plan counts; null: when it is paid or an admin has agreed', exampleTime),
    amount_due_cents: z
      .int()
      .nullable()
      .meta({ description: 'What is to be paid at once, in the smallest unit; null: not known before', example: 4900 }),
    currency: z.string().meta({ description: 'ISO 4217 code of the amount', example: 'USD' }),
    trial_days: z.int().meta({ description: 'Days free at the beginning', example: 0 }),
    must_choose: mustChooseSchema.nullable().meta({
      description: 'What has to be chosen (`keep`), because the plan has room for less; null: all of it fits',
    }),
    ends: z
      .array(z.string())
      .meta({ description: 'What the plan does not have, for people', example: ['The API and API keys'] }),
  })
  .meta({ id: 'SubscriptionPreview', description: 'What choosing a plan would do' })

export type SubscriptionPreview = z.output<typeof previewSchema>

const reason = typedText(1000, 1).meta({
  description: 'Why; stands in the history of the subscription, for its user too, and not in the audit log',
  example: 'Agreed on the phone',
})
const priceSchema = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,2})?$/, 'Must be a price such as "19.00".')
  .meta({ description: 'Price for each interval; left out: the one of the plan', example: '39.00' })
const endDate = timestampSchema
  .nullable()
  .default(null)
  .meta({ description: 'When it ends by itself; null: never', example: null })
const trialDays = z
  .int()
  .min(1)
  .max(730)
  .optional()
  .meta({ description: 'Days of a trial before it ends', example: 14 })

const assignmentSchema = z.strictObject({
  plan_id: choice.plan_id,
  source: z.enum(['manual', 'comp']).meta({ description: '`comp` costs nothing', example: 'manual' }),
  billing_interval: choice.billing_interval,
  price: priceSchema.optional(),
  end_date: endDate,
  trial_days: trialDays,
  reason,
})

export type Assignment = z.output<typeof assignmentSchema>

const answer = typedText(2000).meta({ description: 'What the user gets to read', example: 'Welcome!' })

export const subscriptionRoutes = {
  'GET /api/v1/me/subscription': {
    operationId: 'getMySubscription',
    summary: 'My subscription',
    tags,
    response: { 200: mySubscriptionSchema, ...problems },
  },
  'GET /api/v1/me/subscription/events': {
    operationId: 'listMySubscriptionEvents',
    summary: 'History of my subscriptions',
    description: 'Newest first.',
    tags,
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(eventSchema), ...problems },
  },
  'POST /api/v1/me/subscription/preview': {
    operationId: 'previewSubscription',
    summary: 'What choosing a plan would do',
    description: 'Changes nothing.',
    tags,
    body: z.strictObject(choice),
    response: { 200: previewSchema, ...problems },
  },
  'POST /api/v1/me/subscription': {
    operationId: 'changeSubscription',
    summary: 'Choose a plan',
    description:
      'A larger plan at once, a smaller one at the end of what is paid. Where it has to be paid first the answer has `checkout_url`; where plans are not sold by Stripe it has `request`, which an admin answers. Needs a session.',
    tags,
    body: z.strictObject({
      ...choice,
      keep: keepSchema
        .optional()
        .meta({ description: 'What stays on; needed when the preview has `must_choose`', example: undefined }),
      message: typedText(2000)
        .optional()
        .meta({ description: 'Words for the admin who is asked', example: 'We are a shop of three.' }),
    }),
    response: {
      200: z.object({
        subscription: subscriptionSchema.optional(),
        checkout_url: z
          .url()
          .optional()
          .meta({ description: 'Where to pay', example: 'https://checkout.stripe.com/c/pay/cs_live_1' }),
        request: planRequestSchema.optional(),
      }),
      ...problems,
    },
  },
  'POST /api/v1/me/subscription/cancel': {
    operationId: 'cancelSubscription',
    summary: 'Cancel my subscription',
    description:
      'It goes on until the end of the period or the trial. Without either it ends at once: `status` of the answer says so. Everything is kept. Needs a session.',
    tags,
    response: { 200: subscriptionSchema, ...problems },
  },
  'POST /api/v1/me/subscription/resume': {
    operationId: 'resumeSubscription',
    summary: 'Take a cancellation back',
    description: 'As long as the subscription has not ended. Needs a session.',
    tags,
    response: { 200: subscriptionSchema, ...problems },
  },
  'DELETE /api/v1/me/subscription/next': {
    operationId: 'takeBackPlanChange',
    summary: 'Take a scheduled change of plan back',
    description: 'As long as it has not taken effect. Needs a session.',
    tags,
    response: { 200: subscriptionSchema, ...problems },
  },
  'DELETE /api/v1/me/plan-requests/:id': {
    operationId: 'withdrawPlanRequest',
    summary: 'Withdraw a request for a plan',
    description: 'As long as nobody has answered. Needs a session.',
    tags,
    params: idParams,
    response: { 204: z.null().meta({ description: 'Done; the answer has no body' }), ...problems },
  },
  'GET /api/v1/admin/subscriptions': {
    operationId: 'listSubscriptions',
    summary: 'List subscriptions',
    description: 'The current one of each user who has or had one, newest first.',
    tags: adminTags,
    querystring: z.strictObject({
      status: z.enum(subscriptionStatuses).optional().meta({ description: 'Only these', example: 'past_due' }),
      plan_id: z.uuid().optional().meta({ description: 'Only of this plan', example: exampleId }),
      search: typedText(100).optional().meta({ description: 'Part of an e-mail or a name', example: 'ada' }),
      ...pageQuery,
    }),
    response: { 200: pageOf(adminSubscriptionSchema), ...problems },
  },
  'PUT /api/v1/admin/users/:id/subscription': {
    operationId: 'assignSubscription',
    summary: 'Put a user on a plan',
    description:
      'In place of what they have, at once. Where they pay by Stripe, that subscription is cancelled first. What does not fit into the plan is switched off; the oldest stay.',
    tags: adminTags,
    params: idParams,
    body: assignmentSchema,
    response: { 200: subscriptionSchema, ...problems },
  },
  'DELETE /api/v1/admin/users/:id/subscription': {
    operationId: 'endSubscription',
    summary: 'End a user’s subscription',
    tags: adminTags,
    params: idParams,
    body: z.strictObject({
      at: z.enum(['now', 'period_end']).meta({ description: 'When it ends', example: 'period_end' }),
      reason,
    }),
    response: { 200: subscriptionSchema, ...problems },
  },
  'GET /api/v1/admin/users/:id/subscription/events': {
    operationId: 'listSubscriptionEvents',
    summary: 'History of a user’s subscriptions',
    description: 'Newest first. `by` is `me` where the user did it.',
    tags: adminTags,
    params: idParams,
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(eventSchema), ...problems },
  },
  'GET /api/v1/admin/plan-requests': {
    operationId: 'listPlanRequests',
    summary: 'List requests for plans',
    description: 'Newest first.',
    tags: adminTags,
    querystring: z.strictObject({
      status: z.enum(planRequestStatuses).optional().meta({ description: 'Only these', example: 'open' }),
      ...pageQuery,
    }),
    response: { 200: pageOf(adminPlanRequestSchema), ...problems },
  },
  'POST /api/v1/admin/plan-requests/:id/accept': {
    operationId: 'acceptPlanRequest',
    summary: 'Accept a request for a plan',
    description: 'The user has the plan at once.',
    tags: adminTags,
    params: idParams,
    body: z.strictObject({
      answer: answer.default(''),
      price: priceSchema.optional(),
      end_date: endDate,
      trial_days: trialDays,
    }),
    response: { 200: adminPlanRequestSchema, ...problems },
  },
  'POST /api/v1/admin/plan-requests/:id/refuse': {
    operationId: 'refusePlanRequest',
    summary: 'Refuse a request for a plan',
    tags: adminTags,
    params: idParams,
    body: z.strictObject({ answer: answer.default('') }),
    response: { 200: adminPlanRequestSchema, ...problems },
  },
} as const
