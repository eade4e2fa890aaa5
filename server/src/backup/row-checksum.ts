import { hash } from 'node:crypto'

const newline = 0x0a

/**
 * A checksum of rows in COPY's text format that does not depend on their order, which a table does not keep: the sums
 * of the eight words of each row's SHA-256. It finds faults, not forgery.
 */
export class RowChecksum {
  rows = 0
  readonly #sums = new Uint32Array(8)
  #rest: Buffer = Buffer.alloc(0)

  /** Any cut of the stream of rows. */
  add(chunk: Buffer): void {
    let start = 0
    let end = chunk.indexOf(newline)
    if (end >= 0 && this.#rest.length > 0) {
      this.#addRow(Buffer.concat([this.#rest, chunk.subarray(0, end)]))
      this.#rest = Buffer.alloc(0)
      start = end + 1
      end = chunk.indexOf(newline, start)
    }
    for (; end >= 0; end = chunk.indexOf(newline, start)) {
      this.#addRow(chunk.subarray(start, end))
      start = end + 1
    }
    if (start < chunk.length) {
      // A copy: the rest of a row must not keep megabytes alive.
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(start)])
    }
  }

  toString(): string {
    if (this.#rest.length > 0) throw new Error('The rows end within a row.')
    return Buffer.from(this.#sums.buffer).toString('hex')
  }

  #addRow(row: Buffer): void {
    this.rows++
    const digest = hash('sha256', row, 'buffer')
    for (let word = 0; word < 8; word++) this.#sums[word] = (this.#sums[word] ?? 0) + digest.readUInt32LE(word * 4)
  }
}
