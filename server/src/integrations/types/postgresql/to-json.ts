import { cutAt } from '../../../runtime/tools/read-html.ts'

const maxTextChars = 5000

// OIDs of PostgreSQL's own types (pg_type.dat); they never change.
const boolean = 16
const bytea = 17
const timestamp = 1114
const timestamptz = 1184
const numbers = [21, 23, 26, 700, 701]
const documents = [114, 3802]

/** A value as PostgreSQL writes it, as JSON: nothing is lost of what JSON's numbers cannot hold, and long texts are cut. */
export function toJson(text: string | null, type: number): unknown {
  if (text === null) return null
  if (type === boolean) return text === 't'
  // Without bigint and numeric, which can be longer than a number of JSON, and without NaN and Infinity.
  if (numbers.includes(type)) return Number.isFinite(Number(text)) ? Number(text) : text
  if (type === timestamp) return text.replace(' ', 'T')
  // The session is in UTC.
  if (type === timestamptz) return text.replace(' ', 'T').replace(/\+00$/, 'Z')
  if (type === bytea) return `${Math.max(0, (text.length - 2) / 2)} bytes`
  if (documents.includes(type) && text.length <= maxTextChars) {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
  if (text.length <= maxTextChars) return text
  return `${cutAt(text, maxTextChars)}… (${text.length} characters in all)`
}
