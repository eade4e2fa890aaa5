import { z } from 'zod'
import { capabilitiesSchema } from '../agents/capabilities.ts'

/** What an agent is for; the filter of the catalogue and the values of `agents.type`. */
export const agentTypes = [
  'customer_service',
  'social_media',
  'content',
  'sales',
  'scheduling',
  'email',
  'research',
  'data_analysis',
  'education',
  'recruiting',
  'meetings',
  'translation',
  'other',
] as const

export type AgentType = (typeof agentTypes)[number]

const slug = z
  .string()
  .max(60)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'Must be small letters and digits, joined by single hyphens.')

const change = z.strictObject({
  version: z.int().min(1),
  summary: z.string().trim().min(1).max(500).meta({ description: 'What changed, for a person who uses the agent' }),
})

/** One file of `catalogue/agents/`. */
export const catalogueAgentSchema = z
  .strictObject({
    slug: slug.meta({ description: 'Never changes: it ties the file to the row in `agents`' }),
    version: z.int().min(1).meta({ description: 'Raised with every change that a user of the agent should know of' }),
    name: z.string().trim().min(1).max(100),
    description: z.string().trim().min(1).max(600).meta({ description: 'The first sentence alone goes on the card' }),
    type: z.enum(agentTypes),
    changes: z.array(change).min(1).meta({ description: 'One entry a version, newest first' }),
    capabilities: capabilitiesSchema,
  })
  .check(({ value, issues }) => {
    const expected = Array.from({ length: value.version }, (_, index) => value.version - index)
    if (value.changes.map((entry) => entry.version).join() !== expected.join()) {
      const message = `Must have one entry for each version, newest first: ${expected.join(', ')}.`
      issues.push({ code: 'custom', path: ['changes'], message, input: value.changes })
    }
  })

const limit = z.int().min(0).nullable().meta({ description: '`null`: no limit' })

export const planFeaturesSchema = z.strictObject({
  runs_per_month: limit,
  user_agents: limit,
  integrations: limit.meta({ description: 'For each user agent; `null`: no limit' }),
  log_retention_days: limit,
  models: z.enum(['built_in', 'all']).meta({ description: 'Which models may be chosen' }),
  support: z.enum(['community', 'email', 'priority']).meta({ description: 'How questions are answered' }),
  highlights: z.array(z.string().trim().min(1).max(120)).max(8).meta({ description: 'Lines on the price card' }),
})

const cataloguePlanSchema = z.strictObject({
  slug,
  name: z.string().trim().min(1).max(100),
  description: z.string().trim().min(1).max(600),
  price: z
    .string()
    .regex(/^\d{1,10}\.\d{2}$/, 'Must be a price such as "19.00".')
    .meta({ description: 'US dollars a month; a string, because a binary fraction cannot hold every cent' }),
  features: planFeaturesSchema,
})

/** `catalogue/plans.json`, cheapest first. */
export const cataloguePlansSchema = z.array(cataloguePlanSchema).min(1)

export type CatalogueAgent = z.infer<typeof catalogueAgentSchema>
export type CataloguePlan = z.infer<typeof cataloguePlanSchema>
export type PlanFeatures = z.infer<typeof planFeaturesSchema>
