import type { Readable } from 'node:stream'
import { memberBytes } from './archive.ts'

const newline = 0x0a

/** Cuts rows in COPY's text format into buffers of about `size`, at the end of a row where one ends. */
export async function* cutRows(rows: Readable, size = memberBytes): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of rows as AsyncIterable<Buffer>) {
    parts.push(chunk)
    length += chunk.length
    if (length < size) continue
    const whole = Buffer.concat(parts, length)
    // In text format a line feed within a value is written as \n, so that the byte stands at the end of rows alone.
    const end = whole.lastIndexOf(newline) + 1 || length
    yield whole.subarray(0, end)
    parts = end < length ? [whole.subarray(end)] : []
    length -= end
  }
  if (length > 0) yield Buffer.concat(parts, length)
}
