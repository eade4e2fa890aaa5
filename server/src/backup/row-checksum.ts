const newline = 0x0a

/**
 * A checksum of rows in COPY's text format that does not depend on their order, which a table does not keep: the sum of
 * a 64-bit hash of each row, which costs a third of a SHA-256. It finds faults, not forgery.
 */
export class RowChecksum {
  rows = 0
  readonly #sums = new Uint32Array(2)
  #rest: Buffer = Buffer.alloc(0)

  /** Any cut of the stream of rows. */
  add(chunk: Buffer): void {
    let start = 0
    let end = chunk.indexOf(newline)
    if (end >= 0 && this.#rest.length > 0) {
      const row = Buffer.concat([this.#rest, chunk.subarray(0, end)])
      this.#addRow(row, 0, row.length)
      this.#rest = Buffer.alloc(0)
      start = end + 1
      end = chunk.indexOf(newline, start)
    }
    for (; end >= 0; end = chunk.indexOf(newline, start)) {
      this.#addRow(chunk, start, end)
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

  #addRow(row: Buffer, start: number, end: number): void {
    this.rows++
    let first = 0x811c9dc5
    let second = 0x9e3779b9
    for (let at = start; at < end; at++) {
      const byte = row[at] ?? 0
      first = Math.imul(first ^ byte, 0x85ebca6b)
      first ^= first >>> 13
      second = Math.imul(second ^ byte, 0xc2b2ae35)
      second ^= second >>> 16
    }
    // Equal first bytes of many rows must not show in the sums.
    first = Math.imul(first ^ (first >>> 16), 0x7feb352d)
    second = Math.imul(second ^ (second >>> 15), 0x846ca68b)
    this.#sums[0] = (this.#sums[0] ?? 0) + ((first ^ (first >>> 15)) >>> 0)
    this.#sums[1] = (this.#sums[1] ?? 0) + ((second ^ (second >>> 16)) >>> 0)
  }
}
