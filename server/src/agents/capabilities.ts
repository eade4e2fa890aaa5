import { z } from 'zod'

// Registered, not described by `meta`, which makes a copy: the schema refers to itself, and its own name must be the one it uses.
const json = z.json().register(z.globalRegistry, { id: 'Json', description: 'Any JSON value' })
const text = (max: number) => z.string().trim().min(1).max(max)

/** One question of the set-up form. Only these JSON Schema keywords are allowed: no `$ref`, no `pattern`, so that a creator's schema can neither recurse nor stall a server. */
const scalarSetting = z.strictObject({
  type: z.enum(['string', 'number', 'integer', 'boolean']).meta({ description: 'JSON type of the answer' }),
  title: text(120).meta({
    description: 'The question, as a person would ask it',
    example: 'What is your shop called?',
  }),
  description: z.string().max(1000).optional().meta({ description: 'Help shown under the field' }),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  enum: z
    .array(z.union([z.string().max(200), z.number()]))
    .min(1)
    .max(100)
    .optional(),
  format: z
    .enum(['email', 'uri', 'date', 'time', 'textarea'])
    .optional()
    .meta({ description: '`textarea` gives a large field' }),
  minLength: z.int().min(0).max(100_000).optional(),
  maxLength: z.int().min(1).max(100_000).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
})

const objectItem = z.strictObject({
  type: z.literal('object'),
  title: z.string().max(120).optional(),
  properties: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,49}$/), scalarSetting),
  required: z.array(z.string()).optional(),
})

const listSetting = z.strictObject({
  type: z.literal('array'),
  title: text(120),
  description: z.string().max(1000).optional(),
  items: z.union([scalarSetting, objectItem]),
  minItems: z.int().min(0).max(500).optional(),
  maxItems: z.int().min(1).max(500).optional(),
  uniqueItems: z.boolean().optional(),
  default: z.array(json).optional(),
})

/** The JSON Schema of a user agent's settings: validates on the server and renders the set-up form. */
export const settingsSchemaSchema = z.strictObject({
  type: z.literal('object').meta({ description: 'Always `object`' }),
  properties: z
    .record(z.string().regex(/^[a-z][a-z0-9_]{0,49}$/), z.union([scalarSetting, listSetting]))
    .meta({ description: 'The fields of the form, in the order they are shown' }),
  required: z
    .array(z.string())
    .default([])
    .meta({ description: 'Names of the fields that must be filled in', example: ['business_name'] }),
})

/** What an agent can do: the JSON of `agents.capabilities`. */
export const capabilitiesSchema = z
  .strictObject({
    instructions: text(20_000).meta({
      description:
        'What the model is told, with `{{settings.name}}` placeholders. A list of objects is rendered as a Markdown list.',
      example: 'You answer customers of {{settings.business_name}}.',
    }),
    settings: settingsSchemaSchema.meta({ description: 'The set-up form, as a small subset of JSON Schema' }),
    example_settings: z
      .record(z.string(), json)
      .default({})
      .meta({ description: 'Fills the form in one click; must be valid for `settings`' }),
    starters: z.array(text(300)).max(6).default([]).meta({ description: 'First questions to click on' }),
    tools: z
      .array(z.enum(['current_time', 'calculator', 'fetch_page', 'search_knowledge', 'remember', 'recall']))
      .default([])
      .meta({ description: 'Built-in tools the model may call' }),
    knowledge: z.array(z.string()).default([]).meta({
      description: 'Names of the settings whose texts are searched by `search_knowledge` and by the built-in model',
    }),
    integrations: z
      .array(
        z.strictObject({
          type: text(50).meta({ description: 'Integration type', example: 'smtp' }),
          required: z.boolean().default(false).meta({ description: 'Whether the agent is of no use without it' }),
          reason: z
            .string()
            .max(300)
            .optional()
            .meta({ description: 'What it is for', example: 'To send the drafts you approve.' }),
        }),
      )
      .default([])
      .meta({ description: 'Integration types the agent can use' }),
    model: z
      .strictObject({
        temperature: z
          .number()
          .min(0)
          .max(2)
          .optional()
          .meta({ description: 'How freely the model chooses words; 0 is strict', example: 0.3 }),
        max_output_tokens: z
          .int()
          .min(1)
          .max(200_000)
          .optional()
          .meta({ description: 'Longest answer', example: 4000 }),
        needs_tools: z.boolean().default(false).meta({ description: 'Whether the model must be able to call tools' }),
      })
      .default({ needs_tools: false })
      .meta({ description: 'What the agent needs of a model' }),
  })
  .register(z.globalRegistry, { id: 'Capabilities', description: 'What an agent can do' })

export type Capabilities = z.infer<typeof capabilitiesSchema>
export type SettingsSchema = z.infer<typeof settingsSchemaSchema>

/** Settings of one user agent: the answers to the form, valid for the agent's `capabilities.settings`. */
export const settingsSchema = z.record(z.string(), json).meta({ description: "Answers to the agent's form" })
export type Settings = z.infer<typeof settingsSchema>
