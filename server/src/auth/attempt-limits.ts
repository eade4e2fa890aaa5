import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'

interface Limit {
  /** Attempts in one window; the next is refused without hashing anything. */
  max: number
  windowMs: number
}

const minutes = 60_000

/** How often a password may be tried. A window begins with its first attempt and is not made longer by refused ones. */
export const attemptLimits = {
  'sign-in:account': { max: 10, windowMs: 10 * minutes },
  'sign-in:address': { max: 50, windowMs: 10 * minutes },
  'sign-up:address': { max: 20, windowMs: 60 * minutes },
  // The password that a signed-in person types again before something grave.
  'password:user': { max: 10, windowMs: 10 * minutes },
} as const satisfies Record<string, Limit>

export interface Attempt {
  limit: keyof typeof attemptLimits
  /** E-mail, address or user id; only a hash of it is stored. */
  of: string
}

/**
 * Counts an attempt before it is made, in one statement: a thousand at once cannot all pass a check of the same counter.
 * Answers null, or in how many seconds the window ends. It does not throw, because a rollback would undo the counting.
 */
export async function takeAttempt(tx: Tx, attempt: Attempt, now = new Date()): Promise<number | null> {
  const { max, windowMs } = attemptLimits[attempt.limit]
  const key = hashKey(attempt)
  const windowEnd = new Date(now.getTime() - windowMs)
  const taken = await sql`
    insert into public.sign_in_attempts as present (key_hash, failures, window_start) values (${key}, 1, ${now})
    on conflict (key_hash) do update set
      failures = case when present.window_start <= ${windowEnd} then 1 else present.failures + 1 end,
      window_start = case when present.window_start <= ${windowEnd} then excluded.window_start else present.window_start end
    where present.window_start <= ${windowEnd} or present.failures < ${max}
    returning present.failures`.execute(tx)
  if (taken.rows.length > 0) return null
  const row = await tx
    .selectFrom('sign_in_attempts')
    .select('window_start')
    .where('key_hash', '=', key)
    .executeTakeFirst()
  const waitMs = (row?.window_start.getTime() ?? now.getTime()) + windowMs - now.getTime()
  return Math.max(1, Math.ceil(waitMs / 1000))
}

/** Throws `too_many_attempts` for an answer of `takeAttempt`; call it after the transaction. */
export function refuseIfTooMany(waitSeconds: number | null): void {
  if (waitSeconds !== null) throw new AppError('too_many_attempts', { retryAfterSeconds: waitSeconds })
}

/** The right password was given: the counter begins anew. */
export async function clearAttempts(tx: Tx, attempt: Attempt): Promise<void> {
  await tx.deleteFrom('sign_in_attempts').where('key_hash', '=', hashKey(attempt)).execute()
}

/** Takes one attempt back, where others share the counter. */
export async function returnAttempt(tx: Tx, attempt: Attempt): Promise<void> {
  await tx
    .updateTable('sign_in_attempts')
    .set({ failures: sql<number>`greatest(failures - 1, 0)` })
    .where('key_hash', '=', hashKey(attempt))
    .execute()
}

/** Who an address stands for: a household or server usually has a whole /64 of IPv6. */
export function readAddressOwner(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped) return mapped
  const address = ip.split('%')[0] ?? ip
  if (!isIPv6(address)) return ip
  const [head = '', tail] = address.toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail ? tail.split(':') : []
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}

function hashKey({ limit, of }: Attempt): Buffer {
  return createHash('sha256').update(`${limit}:${of}`).digest()
}
