import { z } from 'zod'

const modelSchema = z
  .object({
    id: z.string().meta({ description: 'Its id: provider and model', example: 'openai/gpt-5-mini' }),
    label: z.string().meta({ description: 'Its name, for a person', example: 'GPT-5 mini' }),
    provider: z.string().meta({ description: 'Who serves it', example: 'openai' }),
    is_built_in: z.boolean().meta({
      description:
        'True for the model that needs no key: it searches the texts of the settings and is no language model',
      example: false,
    }),
    is_default: z.boolean().meta({ description: 'True for the one that serves when none was chosen', example: true }),
  })
  .meta({ id: 'Model', description: 'A model the operator offers' })

export const modelRoutes = {
  'GET /api/v1/models': {
    operationId: 'listModels',
    summary: 'List models',
    description: 'The models the operator offers; the default first.',
    tags: ['Models'],
    response: { 200: z.object({ data: z.array(modelSchema).meta({ description: 'All models on offer' }) }) },
  },
} as const
