import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(10 * 512)
let used = pool.length
let lastMs = 0
let sequence = 0

export interface IdWithTime {
  id: string
  timestamp: Date
}

/**
 * A UUIDv7 (RFC 9562) and the clock reading it was made from. Ids of one process ascend, also within a millisecond
 * (12-bit counter, method 1) and when the clock steps back.
 */
export function createIdWithTime(now = Date.now()): IdWithTime {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  if (now > lastMs) {
    lastMs = now
    sequence = pool.readUInt16BE(used) & 0x7ff
  } else {
    sequence += 1
    if (sequence > 0xfff) {
      lastMs += 1
      sequence = 0
    }
  }
  const random = pool.toString('hex', used + 2, used + 10)
  used += 10
  const time = lastMs.toString(16).padStart(12, '0')
  const variant = ((Number.parseInt(random[0] ?? '0', 16) & 0x3) | 0x8).toString(16)
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${variant}${random.slice(1, 4)}-${random.slice(4, 16)}`
  return { id, timestamp: new Date(lastMs) }
}

export function createId(): string {
  return createIdWithTime().id
}

// The last time that ISO 8601 writes with four digits, which is what PostgreSQL reads.
const lastTime = Date.UTC(9999, 11, 31)

/**
 * The time inside a UUIDv7, so that a lookup by id can name the one partition to read. Meaningless for other UUIDs, but
 * always a time that PostgreSQL can keep: ids come from outside.
 */
export function readIdTime(id: string): Date {
  return new Date(Math.min(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), lastTime))
}

/** The lowest UUID of that millisecond: the ids of everything that began before it are lower. */
export function lowestIdOf(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}
