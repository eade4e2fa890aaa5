import { z } from 'zod'
import { problemSchema, timestampSchema } from '../http/schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }

export const systemRoutes = {
  'GET /api/v1/admin/system': {
    tags: ['Admin'],
    summary: 'How the system is',
    description: 'What an operator should look at. For admins.',
    response: {
      200: z.object({
        backups: z
          .object({
            last_created_at: timestampSchema.nullable().meta({ description: 'When the newest backup was made' }),
            last_verified_at: timestampSchema
              .nullable()
              .meta({ description: 'When a backup was last restored and compared' }),
            overdue: z
              .boolean()
              .meta({ description: 'True when the newest verified backup is too old', example: false }),
            problems: z.array(z.string()).meta({ description: 'What is wrong and what to do', example: [] }),
          })
          .meta({ description: 'The backups there are' }),
      }),
      ...problems,
    },
  },
} as const
