import { z } from 'zod'
import { AppError } from '../errors.ts'

/** Place after which a page begins: the sort keys of the last row of the page before. */
export interface Cursor {
  timestamp: Date
  id: string
}

const cursorParts = z.tuple([z.number().int().min(0).max(8.64e15), z.uuid()])

/** A cursor of any sort keys, for lists that are not sorted by time. */
export function encodeKeys(keys: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(keys)).toString('base64url')
}

/** Throws `invalid_request` when the text is not a cursor of ours. It carries nothing secret: rows stay under row-level security. */
export function decodeKeys<Keys extends z.ZodType>(text: string, keys: Keys): z.output<Keys> {
  try {
    return keys.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch (cause) {
    throw new AppError('invalid_request', {
      faults: [{ path: '/cursor', message: 'This is not a cursor of this API.' }],
      cause,
    })
  }
}

// Microseconds do not survive a JavaScript Date; ids of one millisecond ascend, so (timestamp, id) still orders fully
// as long as the server makes both from one millisecond clock reading.
export function encodeCursor({ timestamp, id }: Cursor): string {
  return encodeKeys([timestamp.getTime(), id])
}

/** Throws `invalid_request` like `decodeKeys`. */
export function decodeCursor(text: string): Cursor {
  const [time, id] = decodeKeys(text, cursorParts)
  return { timestamp: new Date(time), id }
}

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Rows a page', example: 50 }),
  cursor: z.string().max(1500).optional().meta({ description: '`next_cursor` of the page before' }),
}

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item).meta({ description: 'The rows of this page' }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'Give it as `cursor` for the next page; null on the last one' }),
  })
}

/** Cuts a result that was read with one row more than asked for; the extra row only tells that there is a next page. */
export function toPage<Row>(rows: Row[], limit: number, cursorOf: (row: Row) => Cursor) {
  return toPageByKeys(rows, limit, (row) => encodeCursor(cursorOf(row)))
}

/** The same with a cursor made by `encodeKeys`. */
export function toPageByKeys<Row>(rows: Row[], limit: number, cursorOf: (row: Row) => string) {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next_cursor: rows.length > limit && last ? cursorOf(last) : null }
}
