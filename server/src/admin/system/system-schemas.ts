import { z } from 'zod'
import { problemSchema, timestampSchema } from '../../http/schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const count = (description: string, example: number) => z.number().int().meta({ description, example })
const moment = (description: string) => timestampSchema.nullable().meta({ description })

const serverSchema = z.object({
  id: z.uuid().meta({ description: 'Id of the server', example: exampleId }),
  started_at: timestampSchema.meta({ description: 'Since when it runs' }),
  heartbeat_at: timestampSchema.meta({ description: 'Its last sign of life' }),
  is_alive: z.boolean().meta({ description: 'Whether that is recent', example: true }),
  is_this: z.boolean().meta({ description: 'True for the one that answers', example: true }),
})

const migrationsSchema = z.object({
  applied: count('How many are applied', 20),
  latest: z
    .string()
    .nullable()
    .meta({ description: 'The newest applied one', example: '20261122143000_connect_stripe' }),
  pending: z.array(z.string()).meta({ description: 'Those of this version that are not applied', example: [] }),
  unknown: z
    .array(z.string())
    .meta({ description: 'Applied ones that this version does not know: another version runs beside', example: [] }),
})

const partitionsSchema = z.object({
  count: count('Months of logs that have a partition', 5),
  oldest: z.string().nullable().meta({ description: 'The oldest', example: 'agent_logs_2026_10' }),
  newest: z.string().nullable().meta({ description: 'The newest', example: 'agent_logs_2027_02' }),
  default_rows: count('Logs that lie in no month; at most 100,000 are counted', 0),
  faults: z.array(z.string()).meta({ description: 'What is wrong and what to do', example: [] }),
})

const backupsSchema = z
  .object({
    last_created_at: moment('When the newest backup was made'),
    last_verified_at: moment('When a backup was last restored and compared'),
    overdue: z.boolean().meta({ description: 'True when the newest verified backup is too old', example: false }),
    problems: z.array(z.string()).meta({ description: 'What is wrong and what to do', example: [] }),
  })
  .meta({ description: 'The backups there are' })

const jobSchema = z
  .object({
    name: z.string().meta({ description: 'What it does', example: 'counting usage' }),
    is_running: z.boolean().meta({ description: 'Whether it is at work on this server', example: false }),
    last_success_at: moment('When it last ended well, on any server'),
    last_failure_at: moment('When it last failed, on any server'),
    failure: z
      .string()
      .nullable()
      .meta({ description: 'Why; null when it never failed or has ended well since', example: null }),
    duration_ms: z.number().int().nullable().meta({ description: 'How long the last one took', example: 42 }),
  })
  .meta({ id: 'Job', description: 'Work that the servers do by themselves' })

const diskSchema = z.object({
  data_dir: z
    .object({
      path: z.string().meta({ description: 'Where it is', example: '/srv/agentexpress/data' }),
      free_bytes: count('What is free', 52_000_000_000),
      total_bytes: count('How large the disk is', 80_000_000_000),
    })
    .nullable()
    .meta({ description: 'The disk of the data folder of this server; null when it cannot be read' }),
  database_bytes: count('Size of the database', 48_000_000),
  tables: z
    .array(
      z.object({
        name: z.string().meta({ description: 'Name of the table', example: 'agent_logs' }),
        bytes: count('Size with its indexes and partitions', 12_000_000),
        rows: count('Rows, as the database estimates them', 48_000),
      }),
    )
    .meta({ description: 'The ten biggest tables' }),
})

const errorSchema = z
  .object({
    at: timestampSchema.meta({ description: 'When' }),
    message: z.string().meta({ description: 'What the log says', example: 'counting usage failed; it is tried again' }),
    error: z.string().nullable().meta({ description: 'The error behind it', example: 'connection refused' }),
    request_id: z.string().nullable().meta({ description: 'The request in which it happened', example: exampleId }),
  })
  .meta({ id: 'LoggedError', description: 'An error from the log of this server, with everything secret left out' })

const stripeSchema = z.object({
  is_configured: z.boolean().meta({ description: 'Whether Stripe is set up', example: true }),
  waiting: count('Events that are not dealt with yet', 0),
  failed: count('Of these, events that failed and are tried again', 0),
  given_up: count('Events that were given up; the nightly comparison repairs what they said', 0),
  oldest_waiting_at: moment('When the oldest of those that wait came'),
  last_event_at: moment('When the last event came'),
  failure: z.string().nullable().meta({ description: 'Why the last failed one did', example: null }),
})

const reconciliationSchema = z.object({
  created_at: timestampSchema.meta({ description: 'When' }),
  month: z.string().meta({ description: 'Of which month', example: '2026-11-01' }),
  users: count('How many users were compared', 120),
  released_reservations: count('Runs that were left over and given back', 0),
  differences: count('How many differences there were', 0),
})

export const systemRoutes = {
  'GET /api/v1/admin/system': {
    tags: ['Admin'],
    operationId: 'getSystem',
    summary: 'How the system is',
    description: 'What an operator should look at. For admins.',
    response: {
      200: z.object({
        version: z.string().meta({ description: 'Version of AgentExpress', example: '0.5.0' }),
        node_version: z.string().meta({ description: 'Version of Node', example: '24.11.0' }),
        postgres_version: z.string().meta({ description: 'Version of PostgreSQL', example: '18.1' }),
        is_embedded: z.boolean().meta({ description: 'Whether PostgreSQL is the one that came along', example: true }),
        servers: z.array(serverSchema).meta({ description: 'The servers on this database, oldest first' }),
        migrations: migrationsSchema.meta({ description: 'The state of the tables' }),
        partitions: partitionsSchema.meta({ description: 'The months of the logs' }),
        backups: backupsSchema,
        jobs: z.array(jobSchema).meta({ description: 'Work that the servers do by themselves' }),
        disk: diskSchema.meta({ description: 'How much room there is and what takes it' }),
        errors: z.array(errorSchema).meta({ description: 'The last errors of this server, newest first; at most 50' }),
        stripe: stripeSchema.meta({ description: 'What Stripe told us' }),
        reconciliation: reconciliationSchema
          .nullable()
          .meta({ description: 'The last comparison of limits and logs; null: none yet' }),
      }),
      ...problems,
    },
  },
} as const

export type System = z.output<(typeof systemRoutes)['GET /api/v1/admin/system']['response'][200]>
export type Job = z.output<typeof jobSchema>
export type LoggedError = z.output<typeof errorSchema>
