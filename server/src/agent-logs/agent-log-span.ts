import { readIdTime } from '../database/uuid-v7.ts'
import { type Cursor, decodeCursor } from '../http/pagination.ts'

/** A stretch of the log by its sort keys, both ends excluded. */
export interface Span {
  after: Cursor
  before: Cursor
}

const lowestId = '00000000-0000-0000-0000-000000000000'
const highestId = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const start: Cursor = { timestamp: new Date('0001-01-01T00:00:00.000Z'), id: lowestId }
const end: Cursor = { timestamp: new Date('9999-12-31T23:59:59.999Z'), id: highestId }

interface Bounds {
  from?: Date
  to?: Date
  after?: string
  cursor?: string
  order?: 'asc' | 'desc'
}

/**
 * Time range, `after` and cursor of a request as one stretch. Both its ends are always there, so that the statements keep
 * one shape however many of the four were given. Throws `invalid_request` for a cursor that is not ours.
 */
export function toSpan({ from, to, after, cursor, order = 'desc' }: Bounds): Span {
  const place = cursor === undefined ? undefined : decodeCursor(cursor)
  const lower: Cursor[] = [start]
  const upper: Cursor[] = [end]
  if (from) lower.push({ timestamp: from, id: lowestId })
  if (to) upper.push({ timestamp: to, id: lowestId })
  if (after) lower.push({ timestamp: readIdTime(after), id: after.toLowerCase() })
  if (place) (order === 'desc' ? upper : lower).push({ ...place, id: place.id.toLowerCase() })
  return {
    after: lower.reduce((a, b) => (compareCursors(a, b) >= 0 ? a : b)),
    before: upper.reduce((a, b) => (compareCursors(a, b) <= 0 ? a : b)),
  }
}

// PostgreSQL compares UUIDs byte by byte, which is the order of their lower-case text.
function compareCursors(a: Cursor, b: Cursor): number {
  return a.timestamp.getTime() - b.timestamp.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** What is left of a span when the row at `place` was the last one read. */
export function continueSpan(span: Span, place: Cursor, order: 'asc' | 'desc'): Span {
  return order === 'desc' ? { ...span, before: place } : { ...span, after: place }
}

/**
 * A span in the order in which its newest rows are looked for: the month its end lies in and the one before, then the rest.
 * Most pages end in the first part, and reading it opens a few partitions instead of all.
 */
export function splitByAge(span: Span, now = Date.now()): Span[] {
  const newest = new Date(Math.min(now, span.before.timestamp.getTime()))
  const month = new Date(Date.UTC(newest.getUTCFullYear(), newest.getUTCMonth() - 1, 1))
  const border = { timestamp: month, id: lowestId }
  if (compareCursors(border, span.after) <= 0) return [span]
  return [
    { after: border, before: span.before },
    { after: span.after, before: border },
  ]
}
