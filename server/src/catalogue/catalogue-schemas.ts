import { z } from 'zod'
import { capabilitiesSchema } from '../agents/capabilities.ts'
import { planFeaturesSchema } from '../plans/plan-features.ts'

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

const price = z
  .string()
  .regex(/^\d{1,7}\.\d{2}$/, 'Must be a price such as "19.00".')
  .meta({ description: 'A string, because a binary fraction cannot hold every cent' })

const cataloguePlanSchema = z.strictObject({
  slug,
  name: z.string().trim().min(1).max(100),
  description: z.string().trim().min(1).max(600),
  price: price.meta({ description: 'A month, in `currency`' }),
  yearly_price: price.nullable().meta({ description: 'A year; null: only by the month' }),
  currency: z.string().regex(/^[A-Z]{3}$/, 'Must be a currency such as "USD".'),
  trial_days: z.int().min(0).max(730),
  position: z.int(),
  is_public: z.boolean(),
  is_default: z.boolean().meta({ description: 'For users without a subscription, where no plan is the default yet' }),
  is_by_arrangement: z.boolean(),
  features: planFeaturesSchema,
})

/** `catalogue/plans.json`: the plans that a new installation begins with. */
export const cataloguePlansSchema = z.array(cataloguePlanSchema).min(1)

export type CatalogueAgent = z.infer<typeof catalogueAgentSchema>
export type CataloguePlan = z.infer<typeof cataloguePlanSchema>
