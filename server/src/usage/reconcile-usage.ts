import type { Database, Tx } from '../database/database.ts'
import { releaseLeakedReservations } from '../limits/reservation-queries.ts'
import type { Log } from '../log.ts'
import {
  compareUsers,
  hasReconciledSince,
  type Reconciliation,
  saveReconciliation,
  tryLockReconciliation,
} from './reconciliation-queries.ts'

/** When the night is over, in UTC: the first look after it compares. */
const hourOfNight = 2
/** Until this day of a month the last one is compared as well: its runs may have ended late. */
const lastMonthUntilDay = 3
const usersPerPage = 200
const maxListed = 100
const statementTimeoutMs = 60_000
const firstId = '00000000-0000-0000-0000-000000000000'
const reason = 'what limits counted is compared with the logs of everybody'

/**
 * Compares what limits counted with usage and logs, once a night over all servers. Changes nothing but reservations that
 * nobody would settle any more. Answers what it found, by month; null when it is not the time, or another server is at it.
 */
export async function reconcileUsage(
  { database, log }: { database: Database; log: Log },
  now = new Date(),
  signal: AbortSignal = new AbortController().signal,
): Promise<Reconciliation[] | null> {
  const night = lastNight(now)
  if (await database.asSystem(reason, (tx) => hasReconciledSince(tx, night))) return null
  // In transactions of its own: what it locks is what runs begin with.
  const released = await releaseLeaked(database, signal)
  const found = await database.asSystem(
    reason,
    async (tx) => {
      if (!(await tryLockReconciliation(tx)) || (await hasReconciledSince(tx, night))) return null
      const reconciliations: Reconciliation[] = []
      for (const month of monthsOf(now)) {
        const compared = await compareMonth(tx, month, signal)
        if (!compared) return null
        reconciliations.push({ ...compared, released_reservations: released })
      }
      for (const reconciliation of reconciliations) await saveReconciliation(tx, reconciliation, now)
      return reconciliations
    },
    { statementTimeoutMs },
  )
  for (const { differences, ...row } of found ?? [])
    if (row.difference_count > 0) log.warn({ ...row, differences }, 'limits and logs do not agree')
  return found
}

async function releaseLeaked(database: Database, signal: AbortSignal): Promise<number> {
  let released = 0
  while (!signal.aborted) {
    const count = await database.asSystem(reason, releaseLeakedReservations)
    released += count
    if (count === 0) break
  }
  return released
}

/** Null when the server stops meanwhile: half a comparison says nothing. */
async function compareMonth(
  tx: Tx,
  month: string,
  signal: AbortSignal,
): Promise<Omit<Reconciliation, 'released_reservations'> | null> {
  const all: Omit<Reconciliation, 'released_reservations'> = { month, users: 0, difference_count: 0, differences: [] }
  for (let after: string | null = firstId; after !== null; ) {
    if (signal.aborted) return null
    const page = await compareUsers(tx, { month, after, limit: usersPerPage })
    all.users += page.users
    all.difference_count += page.differences.length
    all.differences.push(...page.differences.slice(0, maxListed - all.differences.length))
    after = page.last
  }
  return all
}

function lastNight(now: Date): Date {
  const night = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hourOfNight))
  return night <= now ? night : new Date(night.getTime() - 86_400_000)
}

/** First days, oldest first. */
function monthsOf(now: Date): string[] {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
  const months = now.getUTCDate() <= lastMonthUntilDay ? [month - 1, month] : [month]
  return months.map((index) => new Date(Date.UTC(year, index, 1)).toISOString().slice(0, 10))
}
