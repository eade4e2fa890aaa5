import { z } from 'zod'
import { builtInTool, type RunTool } from './run-tool.ts'

const inputSchema = z.object({ timezone: z.string().max(60).optional() })

export interface CurrentTime {
  iso: string
  weekday: string
  local_time: string
  timezone: string
}

export function createCurrentTimeTool(now: () => Date): RunTool {
  return builtInTool({
    name: 'current_time',
    title: 'Tell the time',
    description:
      'Tells the current date, weekday and time. Give `timezone` as an IANA name such as Europe/Berlin; without it the time zone of this agent is used, or UTC.',
    inputSchema: {
      type: 'object',
      properties: {
        timezone: { type: 'string', maxLength: 60, description: 'IANA time zone, e.g. America/New_York' },
      },
      additionalProperties: false,
    },
    async execute(input, { settings }) {
      const asked = inputSchema.parse(input ?? {}).timezone?.trim()
      if (asked && !isTimezone(asked)) {
        throw new Error(`"${asked}" is no time zone. Use an IANA name such as Europe/Berlin, Asia/Tokyo or UTC.`)
      }
      return timeIn(asked || settingsTimezone(settings) || 'UTC', now())
    },
  })
}

function settingsTimezone(settings: Record<string, unknown>): string | undefined {
  return [settings.time_zone, settings.timezone].find(
    (value): value is string => typeof value === 'string' && isTimezone(value),
  )
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    // Offsets such as +02:00 know no summer time, so they are not taken for a place.
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

function timeIn(timezone: string, date: Date): CurrentTime {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'long',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  }).formatToParts(date)
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? ''
  const offset = part('timeZoneName').replace('GMT', '') || '+00:00'
  return {
    iso: `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}${offset}`,
    weekday: part('weekday'),
    local_time: new Intl.DateTimeFormat('en-GB', {
      timeZone: timezone,
      dateStyle: 'full',
      timeStyle: 'short',
    }).format(date),
    timezone,
  }
}
