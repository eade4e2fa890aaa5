import { z } from 'zod'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'
import { planFeaturesSchema } from './plan-features.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['Plans']
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'

const planFields = {
  id: z.uuid().meta({ description: 'Its id', example: exampleId }),
  slug: z
    .string()
    .nullable()
    .meta({ description: 'Its name in the catalogue; null for plans an admin made', example: 'professional' }),
  name: z.string().meta({ description: 'Its name', example: 'Professional' }),
  description: z.string().meta({ description: 'Whom it is for', example: 'For a team that relies on its agents.' }),
  price: z.string().meta({ description: 'Price a month, in `currency`', example: '149.00' }),
  yearly_price: z
    .string()
    .nullable()
    .meta({ description: 'Price a year, in `currency`; null: only by the month', example: '1490.00' }),
  currency: z.string().meta({ description: 'ISO 4217 code of the prices', example: 'USD' }),
  trial_days: z.int().meta({ description: 'Days free at the beginning, once a user', example: 14 }),
  position: z.int().meta({ description: 'Plans are listed in this order', example: 3 }),
  is_public: z.boolean().meta({ description: 'False: only for those it was offered to', example: true }),
  is_default: z.boolean().meta({ description: 'What users without a subscription have', example: false }),
  is_by_arrangement: z.boolean().meta({ description: 'The price is talked about, not shown', example: false }),
  features: planFeaturesSchema,
}

export const planSchema = z.object(planFields).meta({ id: 'Plan', description: 'A plan that can be chosen' })

export type Plan = z.output<typeof planSchema>

const adminPlanFields = {
  ...planFields,
  archived_at: timestampSchema
    .nullable()
    .meta({ description: 'Since when nobody can choose it any more; who has it keeps it', example: null }),
  subscribers: z.int().meta({ description: 'Users who have it now, those in arrears included', example: 12 }),
  created_at: timestampSchema.meta({ description: 'When it was made', example: '2026-11-22T09:30:00.000Z' }),
  updated_at: timestampSchema.meta({ description: 'When it was last changed', example: '2026-11-22T09:30:00.000Z' }),
}

export const adminPlanSchema = z
  .object(adminPlanFields)
  .meta({ id: 'AdminPlan', description: 'A plan as admins see it' })

const planOfferSchema = z.object({
  user_id: z.uuid().meta({ description: 'To whom it was offered', example: exampleId }),
  email: z.string().meta({ description: 'Their e-mail', example: 'ada@example.com' }),
  created_at: timestampSchema.meta({ description: 'When it was offered', example: '2026-11-22T09:30:00.000Z' }),
})

const planDetailSchema = z
  .object({
    ...adminPlanFields,
    offers: z.array(planOfferSchema).meta({ description: 'To whom it was offered, newest first (500 at most)' }),
  })
  .meta({ id: 'AdminPlanDetail', description: 'A plan with those it was offered to' })

// Ten million in whole units are a billion cents, which still is an integer of PostgreSQL.
const priceSchema = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,2})?$/, 'Must be a price such as "19.00".')
  .transform((text) => {
    const [whole = '0', cents = ''] = text.split('.')
    return `${Number(whole)}.${cents.padEnd(2, '0')}`
  })

const knownCurrencies = new Set(Intl.supportedValuesOf('currency'))
const currencySchema = z.string().refine((code) => knownCurrencies.has(code), 'Must be a currency such as "USD".')

const editable = {
  name: typedText(100, 1).meta({ description: 'Its name', example: 'Professional' }),
  description: typedText(600, 1).meta({ description: 'Whom it is for', example: 'For a team that relies on agents.' }),
  price: priceSchema.meta({ description: 'Price a month, in `currency`; "0.00" is free', example: '149.00' }),
  yearly_price: priceSchema
    .nullable()
    .meta({ description: 'Price a year, in `currency`; null: only by the month', example: '1490.00' }),
  currency: currencySchema.meta({ description: 'ISO 4217 code of the prices', example: 'USD' }),
  trial_days: z.int().min(0).max(730).meta({ description: 'Days free at the beginning, once a user', example: 14 }),
  position: z.int().min(-10_000).max(10_000).meta({ description: 'Plans are listed in this order', example: 3 }),
  is_public: z.boolean().meta({ description: 'False: only for those it was offered to', example: true }),
  is_default: z.boolean().meta({
    description: 'What users without a subscription have; takes the place of the default plan before it',
    example: false,
  }),
  is_by_arrangement: z.boolean().meta({ description: 'The price is talked about, not shown', example: false }),
  features: planFeaturesSchema,
}

export const newPlanSchema = z.strictObject({
  ...editable,
  yearly_price: editable.yearly_price.default(null),
  currency: editable.currency.default('USD'),
  trial_days: editable.trial_days.default(0),
  position: editable.position.default(0),
  is_public: editable.is_public.default(true),
  is_default: editable.is_default.default(false),
  is_by_arrangement: editable.is_by_arrangement.default(false),
})

export const planChangeSchema = z.strictObject({
  ...z.strictObject(editable).partial().shape,
  updated_at: timestampSchema.meta({
    description: '`updated_at` of the plan that you looked at: who saw an older one changes nothing',
    example: '2026-11-22T09:30:00.000Z',
  }),
})

export type NewPlan = z.output<typeof newPlanSchema>
export type PlanChange = z.output<typeof planChangeSchema>

const planImpactSchema = z
  .object({
    subscribers: z.int().meta({ description: 'Users who have this plan by a subscription', example: 12 }),
    on_default: z.int().meta({ description: 'Users who have it because it is the default plan', example: 0 }),
    over_limit: z.record(z.string(), z.int()).meta({
      description:
        'By name of a limit that gets smaller: how many of them have or use more than it allows. `api` counts users whose API keys stop working, `models` those with agents on other models',
      example: { user_agents: 3 },
    }),
    takes_effect: z.enum(['now', 'next_payment']).meta({
      description:
        '`now`: what it includes changes at once. `next_payment`: only prices change, for who subscribes next',
      example: 'now',
    }),
    sentence: z.string().meta({
      description: 'The same for people',
      example:
        '12 users have this plan; its limits change for them at once. 3 of them have more than 2 user agents on.',
    }),
  })
  .meta({ id: 'PlanImpact', description: 'Whom a change of a plan affects, and when' })

export type PlanImpact = z.output<typeof planImpactSchema>

const offerParams = z.object({
  id: z.uuid().meta({ description: 'Id of the plan', example: exampleId }),
  user_id: z.uuid().meta({ description: 'Id of the user', example: exampleId }),
})
const done = z.null().meta({ description: 'Done; the answer has no body' })

export const planRoutes = {
  'GET /api/v1/plans': {
    operationId: 'listPlans',
    summary: 'List plans',
    description: 'Those everybody can choose and those offered to you, in the order of `position`.',
    tags,
    response: { 200: z.object({ data: z.array(planSchema).meta({ description: 'The plans' }) }), ...problems },
  },
  'GET /api/v1/admin/plans': {
    summary: 'List all plans',
    description: 'Hidden and archived ones too; archived ones last.',
    tags: ['Admin'],
    response: { 200: z.object({ data: z.array(adminPlanSchema).meta({ description: 'The plans' }) }), ...problems },
  },
  'POST /api/v1/admin/plans': {
    summary: 'Make a plan',
    tags: ['Admin'],
    body: newPlanSchema,
    response: { 201: adminPlanSchema, ...problems },
  },
  'GET /api/v1/admin/plans/:id': {
    summary: 'One plan and its offers',
    tags: ['Admin'],
    params: idParams,
    response: { 200: planDetailSchema, ...problems },
  },
  'PATCH /api/v1/admin/plans/:id': {
    summary: 'Change a plan',
    description:
      'With `dry_run` nothing is changed: the answer says what would be. Limits and switches change for everybody who has the plan at once. Prices change for who subscribes from now on; subscriptions keep the price they began with.',
    tags: ['Admin'],
    params: idParams,
    querystring: z.strictObject({
      dry_run: z
        .enum(['true', 'false'])
        .optional()
        .meta({ description: '`true`: only say what would change, and for whom', example: 'true' }),
    }),
    body: planChangeSchema,
    response: {
      200: z.object({ plan: adminPlanSchema, impact: planImpactSchema }),
      ...problems,
    },
  },
  'POST /api/v1/admin/plans/:id/archive': {
    summary: 'Archive a plan',
    description: 'Nobody can choose it any more; who has it keeps it. The default plan cannot be archived.',
    tags: ['Admin'],
    params: idParams,
    response: { 200: adminPlanSchema, ...problems },
  },
  'PUT /api/v1/admin/plans/:id/offers/:user_id': {
    summary: 'Offer a plan to a user',
    description: 'They see it among the plans although it is not public.',
    tags: ['Admin'],
    params: offerParams,
    response: { 204: done, ...problems },
  },
  'DELETE /api/v1/admin/plans/:id/offers/:user_id': {
    summary: 'Take an offer back',
    description: 'Who has chosen the plan already keeps it.',
    tags: ['Admin'],
    params: offerParams,
    response: { 204: done, ...problems },
  },
} as const
