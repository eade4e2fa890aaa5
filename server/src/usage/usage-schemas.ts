import { z } from 'zod'
import { problemSchema, timestampSchema } from '../http/schemas.ts'

export const usagePeriods = ['hour', 'day', 'month'] as const
export type UsagePeriod = (typeof usagePeriods)[number]
export const usageGroups = ['agent', 'user_agent', 'model', 'source'] as const
export type UsageGroup = (typeof usageGroups)[number]

/** The longest range of each kind, so that no answer has more than some hundred periods. */
export const longestRangeDays = { hour: 31, day: 400, month: 3700 } as const satisfies Record<UsagePeriod, number>

const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const count = (description: string, example: number) => z.number().int().meta({ description, example })

const usageNumbers = {
  runs: count('Runs that began in this time', 44),
  succeeded: count('Of these, runs that succeeded', 40),
  failed: count('Runs that failed', 2),
  cancelled: count('Runs that were cancelled', 1),
  interrupted: count('Runs that the stop of a server cut off', 0),
  running: count('Runs that have not ended, or whose log was deleted before they did', 1),
  input_tokens: count('Tokens that models read', 18_240),
  output_tokens: count('Tokens that models wrote', 5120),
  cost_usd: z
    .number()
    .meta({ description: 'Cost in US dollars, as far as prices are known: see `unpriced_runs`', example: 0.0421 }),
  unpriced_runs: count('Ended runs whose price is not known', 3),
  latency_ms: z.number().int().nullable().meta({
    description: 'From the input to the end of the answer, on average; null when no run ended',
    example: 1840,
  }),
}

const groupFields = {
  group: z.string().nullable().meta({
    description: 'Id of the agent or user agent, model or source; null without, or when the agent was deleted',
    example: exampleId,
  }),
  group_name: z
    .string()
    .nullable()
    .meta({ description: 'What to call it; null when you can no longer see it', example: 'Shop help' }),
}

export const usageTotalSchema = z
  .object(usageNumbers)
  .meta({ id: 'UsageTotal', description: 'Runs, tokens and cost of some time' })

export const usageGroupSchema = z
  .object({ ...groupFields, ...usageNumbers })
  .meta({ id: 'UsageOfGroup', description: 'Usage of an agent, a model or a source over the whole range' })

export const usageRowSchema = z
  .object({
    start: timestampSchema.meta({ description: 'Begin of the period', example: '2026-11-22T00:00:00.000Z' }),
    ...groupFields,
    ...usageNumbers,
  })
  .meta({ id: 'UsageOfPeriod', description: 'Usage of a period, or of one group in it' })

export type UsageTotal = z.output<typeof usageTotalSchema>
export type UsageOfGroup = z.output<typeof usageGroupSchema>
export type UsageRow = z.output<typeof usageRowSchema>

const dayMs = 86_400_000

// PostgreSQL reads "+05:00" with the sign turned round, so that only names are taken.
const isTimeZone = (name: string) => {
  if (!/^[A-Za-z][\w+/-]*$/.test(name)) return false
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

export const usageQuerySchema = z
  .strictObject({
    from: timestampSchema.optional().meta({
      description: 'Begin of the range; the whole period around it counts. Left out: 30 days, hours or months back',
      example: '2026-11-01T00:00:00.000Z',
    }),
    to: timestampSchema.optional().meta({
      description: 'End of the range; the period around it counts as a whole. Left out: now',
      example: '2026-12-01T00:00:00.000Z',
    }),
    by: z.enum(usagePeriods).default('day').meta({ description: 'Length of a period', example: 'day' }),
    group: z
      .enum(usageGroups)
      .optional()
      .meta({ description: 'Split each period by this; left out: not split', example: 'model' }),
    time_zone: z.string().max(64).refine(isTimeZone, 'Not a time zone, such as Europe/Berlin.').default('UTC').meta({
      description:
        'Where days and months begin, by its IANA name. Usage is kept by whole UTC hours: where clocks are half an hour off, an hour belongs to the day in which it begins',
      example: 'Europe/Berlin',
    }),
    user_agent_id: z.uuid().optional().meta({ description: 'Only runs of this user agent', example: exampleId }),
  })
  .transform(({ from, to, ...query }) => {
    const end = to ?? new Date()
    const periodMs = { hour: 3_600_000, day: dayMs, month: 30 * dayMs }[query.by]
    return { ...query, to: end, from: from ?? new Date(end.getTime() - 29 * periodMs) }
  })
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'Must be later than `from`.' })
  .refine(({ from, to, by }) => to.getTime() - from.getTime() <= longestRangeDays[by] * dayMs, {
    path: ['from'],
    message: `At most ${Object.entries(longestRangeDays)
      .map(([by, days]) => `${days} days by ${by}`)
      .join(', ')}.`,
  })
  // Beyond these years PostgreSQL and JavaScript write dates differently.
  .refine(({ from, to }) => from.getUTCFullYear() >= 1970 && to.getUTCFullYear() < 9999, {
    path: ['from'],
    message: 'Must lie between the years 1970 and 9998.',
  })

export type UsageQuery = z.output<typeof usageQuerySchema>

export const forecastSchema = z
  .object({
    month: z.iso.date().meta({ description: 'First day of the month, which is UTC’s', example: '2026-11-01' }),
    days_left: count('Days of the month that are left, today among them', 9),
    runs: count('Runs since the month began, as limits count them: without failed and interrupted ones', 2140),
    runs_at_month_end: count('As many it will be when it goes on like this', 2980),
    cost_usd: z
      .number()
      .meta({ description: 'Cost since the month began in US dollars, as far as prices are known', example: 4.12 }),
    cost_usd_at_month_end: z
      .number()
      .meta({ description: 'As much it will be when it goes on like this', example: 5.74 }),
    limit_reached_on: z.iso.date().nullable().meta({
      description:
        'The day on which the runs of the plan will be used up when it goes on like this, today when they are; null when they last until the month ends',
      example: '2026-11-28',
    }),
  })
  .meta({ id: 'UsageForecast', description: 'What the present month will come to' })

export type UsageForecast = z.output<typeof forecastSchema>

export const usageRoutes = {
  'GET /api/v1/usage': {
    summary: 'Read usage',
    description:
      'Runs, tokens and cost of your own runs by hour, day or month, up to this moment. A run counts where it began, and goes on counting when its log was deleted, by you or because it was too old.',
    tags: ['Usage'],
    operationId: 'getUsage',
    querystring: usageQuerySchema,
    response: {
      200: z.object({
        periods: z.array(timestampSchema).meta({ description: 'Begin of every period of the range, oldest first' }),
        data: z.array(usageRowSchema).meta({ description: 'Periods with runs, oldest first; with `group` a row each' }),
        groups: z
          .array(usageGroupSchema)
          .meta({ description: 'With `group`: each over the whole range, most runs first' }),
        total: usageTotalSchema.meta({ description: 'The whole range' }),
      }),
      '4xx': problemSchema,
    },
  },
  'GET /api/v1/usage/forecast': {
    summary: 'Forecast of the month',
    description:
      'What your own usage will come to when the month ends (UTC): the pace of the last seven full days, joined with that of the same weekdays once there are two weeks to look at; before there are seven days, the pace since the first run.',
    tags: ['Usage'],
    operationId: 'getUsageForecast',
    response: { 200: forecastSchema, '4xx': problemSchema },
  },
} as const
