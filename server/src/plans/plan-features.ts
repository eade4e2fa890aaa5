import { z } from 'zod'

export const limitNames = [
  'user_agents',
  'runs_per_month',
  'tokens_per_month',
  'cost_usd_per_month',
  'integrations',
  'api_keys',
  'concurrent_runs',
  'log_retention_days',
  'upload_kb',
] as const

export type LimitName = (typeof limitNames)[number]

export const switchNames = ['api', 'widget', 'schedules', 'publishing', 'own_model_keys'] as const

export type SwitchName = (typeof switchNames)[number]

// PostgreSQL reads counts as integer; a Date cannot go back further than this many days.
const count = (description: string, example: number, max = 2_000_000_000) =>
  z
    .int()
    .min(0)
    .max(max)
    .nullable()
    .meta({ description: `${description}; null is no limit`, example })

const limitsSchema = z.strictObject({
  user_agents: count('User agents that are switched on', 5),
  runs_per_month: count('Runs a calendar month (UTC); failed and interrupted ones do not count', 25_000),
  tokens_per_month: count('Tokens in and out a calendar month (UTC)', 20_000_000, 1_000_000_000_000),
  cost_usd_per_month: z
    .number()
    .min(0)
    .max(1_000_000)
    .multipleOf(0.01, 'At most two places after the point.')
    .nullable()
    .meta({
      description: 'What models may cost the operator a calendar month (UTC), in US dollars; null is no limit',
      example: 49.5,
    }),
  integrations: count('Accounts connected to user agents that are switched on', 25),
  api_keys: count('API keys that work', 10),
  concurrent_runs: count('Runs at the same time', 10, 100_000),
  log_retention_days: count('Days that runs are kept in the log', 365, 36_500),
  upload_kb: count('Texts and files in the settings of a user agent, in kilobytes', 512, 1_000_000),
})

const switchesSchema = z.strictObject({
  api: z.boolean().meta({ description: 'API keys and the API', example: true }),
  widget: z.boolean().meta({ description: 'The widget for web pages of one’s own', example: true }),
  schedules: z.boolean().meta({ description: 'Runs at set times', example: true }),
  publishing: z.boolean().meta({ description: 'Asking to publish own agents in the catalogue', example: true }),
  own_model_keys: z.boolean().meta({ description: 'Keys of one’s own at model providers', example: false }),
})

/** `plans.features`: what a plan includes. */
export const planFeaturesSchema = z
  .strictObject({
    limits: limitsSchema.meta({ description: 'How much of each thing; null is no limit' }),
    switches: switchesSchema.meta({ description: 'What can be used at all' }),
    integration_types: z
      .array(z.string().min(1).max(50))
      .max(200)
      .nullable()
      .meta({ description: 'Types of integration that can be connected; null is all', example: null }),
    models: z
      .enum(['built_in', 'all'])
      .meta({ description: 'The built-in model alone, or all models of this site', example: 'all' }),
    support: z
      .enum(['community', 'email', 'priority'])
      .meta({ description: 'How questions are answered', example: 'email' }),
    highlights: z
      .array(z.string().trim().min(1).max(120))
      .max(8)
      .meta({ description: 'Lines on the price card', example: ['5 agents of your own', '25,000 runs a month'] }),
  })
  .meta({ id: 'PlanFeatures', description: 'What a plan includes' })

export type PlanFeatures = z.infer<typeof planFeaturesSchema>

/**
 * Reads the column `plans.features`. The API writes nothing else into it; what somebody who came past the API left out limits
 * nothing, as app.reserve_run reads it.
 */
export function readPlanFeatures(stored: unknown): PlanFeatures {
  const known = planFeaturesSchema.safeParse(stored)
  if (known.success) return known.data
  const parts = asRecord(stored)
  const [limits, switches] = [asRecord(parts.limits), asRecord(parts.switches)]
  const { integration_types, models, support, highlights } = planFeaturesSchema.shape
  return {
    limits: pickEach(limitNames, (name) => limitsSchema.shape[name].safeParse(limits[name]).data ?? null),
    switches: pickEach(switchNames, (name) => switchesSchema.shape[name].safeParse(switches[name]).data ?? true),
    integration_types: integration_types.safeParse(parts.integration_types).data ?? null,
    models: models.safeParse(parts.models).data ?? 'all',
    support: support.safeParse(parts.support).data ?? 'community',
    highlights: highlights.safeParse(parts.highlights).data ?? [],
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function pickEach<Name extends string, Value>(names: readonly Name[], read: (name: Name) => Value) {
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<Name, Value>
}
