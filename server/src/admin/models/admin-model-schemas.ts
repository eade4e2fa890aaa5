import { z } from 'zod'
import { problemSchema, timestampSchema } from '../../http/schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['Admin']

// Ten times the dearest list price there ever was: more is a slip of the hand.
const mostUsd = 10_000
const priceNumber = z
  .number()
  .min(0, 'A price is not negative.')
  .max(mostUsd, `At most ${mostUsd} dollars per million tokens.`)
  // What the column keeps.
  .refine((usd) => Math.abs(usd * 1e6 - Math.round(usd * 1e6)) < 1e-3, 'At most six digits after the point.')

export const priceSchema = z
  .object({
    input_usd: z.number().meta({ description: 'US dollars per million tokens read', example: 0.25 }),
    output_usd: z.number().meta({ description: 'US dollars per million tokens written', example: 2 }),
  })
  .meta({ id: 'ModelPrice', description: 'What a model costs' })

const providerSchema = z
  .object({
    id: z.string().meta({ description: 'Its id, with which the ids of its models begin', example: 'openai' }),
    label: z.string().meta({ description: 'Its name, for a person', example: 'OpenAI' }),
    is_configured: z.boolean().meta({ description: 'Whether its models can be used', example: true }),
    missing: z
      .array(z.string())
      .meta({ description: 'Environment variables that would set it up; never their values', example: [] }),
    models: z.number().int().meta({ description: 'How many of its models are on offer', example: 5 }),
  })
  .meta({ id: 'ModelProvider', description: 'Who serves models' })

const adminModelSchema = z
  .object({
    id: z.string().meta({ description: 'Its id: provider and model', example: 'openai/gpt-5-mini' }),
    label: z.string().meta({ description: 'Its name, for a person', example: 'GPT-5 mini' }),
    provider: z.string().meta({ description: 'Who serves it', example: 'openai' }),
    is_built_in: z
      .boolean()
      .meta({ description: 'True for the one that needs no key and costs nothing', example: false }),
    is_default: z.boolean().meta({ description: 'True for the one that serves when none was chosen', example: true }),
    is_offered: z.boolean().meta({ description: 'False for one of former runs, or with a price only', example: true }),
    list_price: priceSchema.nullable().meta({ description: 'What the program knows; null when it knows none' }),
    own_price: priceSchema.nullable().meta({ description: 'What an admin set in its place; null when nobody did' }),
    own_price_set_at: timestampSchema.nullable().meta({ description: 'When that was set', example: null }),
    unpriced: z.boolean().meta({
      description: 'True when neither is there: cost and limits of money cannot count its runs',
      example: false,
    }),
    runs: z.number().int().meta({ description: 'Runs of this month (UTC)', example: 1204 }),
    unpriced_runs: z.number().int().meta({ description: 'Of these, ended ones without a known price', example: 0 }),
    input_tokens: z.number().int().meta({ description: 'Tokens read this month', example: 1_824_000 }),
    output_tokens: z.number().int().meta({ description: 'Tokens written this month', example: 512_000 }),
    cost_usd: z.number().meta({ description: 'What its runs of this month cost, in US dollars', example: 1.48 }),
  })
  .meta({ id: 'AdminModel', description: 'A model with its prices and the runs of this month' })

/** Ids have a slash: in the path it is written as %2F. */
const modelParams = z.object({
  model: z
    .string()
    .max(150)
    .regex(/^[\w.-]+\/[\w.:@/+ -]+$/, 'An id of a model is its provider, a slash and its name.')
    .meta({ description: 'Id of the model, its slash as %2F', example: 'openai/gpt-5-mini' }),
})

export const adminModelRoutes = {
  'GET /api/v1/admin/models': {
    tags,
    operationId: 'listAdminModels',
    summary: 'Models, providers and prices',
    description:
      'Which providers are set up, which models there are, what they cost and what ran on them this month. For admins.',
    response: {
      200: z.object({
        providers: z.array(providerSchema).meta({ description: 'All providers that can be set up' }),
        data: z.array(adminModelSchema).meta({ description: 'All models; those on offer first, the default first' }),
      }),
      ...problems,
    },
  },
  'PUT /api/v1/admin/models/prices/:model': {
    tags,
    operationId: 'setModelPrice',
    summary: 'Set the price of a model',
    description:
      'Takes the place of the list price, on every server within seconds, for runs that begin from then on. For admins.',
    params: modelParams,
    body: z.strictObject({
      input_usd: priceNumber.meta({ description: 'US dollars per million tokens read', example: 0.25 }),
      output_usd: priceNumber.meta({ description: 'US dollars per million tokens written', example: 2 }),
    }),
    response: { 200: adminModelSchema, ...problems },
  },
  'DELETE /api/v1/admin/models/prices/:model': {
    tags,
    operationId: 'resetModelPrice',
    summary: 'Go back to the list price',
    description: 'Takes the own price away. For admins.',
    params: modelParams,
    response: { 204: z.null().meta({ description: 'Done; the answer has no body' }), ...problems },
  },
} as const

export type AdminModel = z.output<typeof adminModelSchema>
export type ModelProvider = z.output<typeof providerSchema>
