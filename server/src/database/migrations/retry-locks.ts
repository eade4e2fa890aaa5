import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { connectOwner } from './deploy-lock.ts'
import { MigrationError } from './migration.ts'

export interface LockPatience {
  /** Kept short: while a migration waits for a table, everybody who wants that table waits behind it. */
  lockTimeoutMs: number
  attempts: number
}

export const defaultPatience: LockPatience = { lockTimeoutMs: 3000, attempts: 6 }

/** A lock was not to be had in time, or PostgreSQL ended a deadlock with somebody at work at the migration's cost. */
const retryable = new Set(['55P03', '40P01'])

interface LockWork {
  ownerUrl: string
  /** The session that may have to wait. */
  client: pg.Client
  patience: LockPatience
  onProgress: (text: string) => void
}

/**
 * Runs `work`, which either does all or nothing, and again when a lock could not be had. Says who is in the way. Throws
 * a `MigrationError` that names them when the patience is at its end.
 */
export async function retryLocks<T>(context: LockWork, work: () => Promise<T>): Promise<T> {
  const { patience, onProgress } = context
  const seen = new Map<string, string>()
  for (let attempt = 1; ; attempt++) {
    const watch = watchBlockers(context, seen)
    try {
      return await work()
    } catch (cause) {
      if (!(cause instanceof pg.DatabaseError) || !retryable.has(cause.code ?? '')) throw cause
      await watch.stop()
      const inTheWay = seen.size > 0 ? [...seen.values()].join('; ') : 'unknown sessions'
      if (attempt >= patience.attempts) {
        throw new MigrationError(
          `${cause.message}, ${attempt} times: a table is in use by ${inTheWay}. End that transaction and try again`,
          { cause },
        )
      }
      onProgress(`attempt ${attempt + 1} of ${patience.attempts} follows: a table is in use by ${inTheWay}`)
      await sleep(Math.min(5000, 250 * 2 ** attempt))
    } finally {
      await watch.stop()
    }
  }
}

/** Looks from a second connection at who is in the way of the first, for as long as it waits. */
function watchBlockers(
  { ownerUrl, client, patience, onProgress }: LockWork,
  seen: Map<string, string>,
): { stop(): Promise<void> } {
  const ending = new AbortController()
  const pid = (client as unknown as { processID: number | null }).processID
  const watching = (async () => {
    // Most migrations never wait: no second connection for them.
    const pauseMs = Math.min(1000, patience.lockTimeoutMs / 2)
    await sleep(pauseMs, null, { signal: ending.signal })
    const watcher = await connectOwner(ownerUrl)
    try {
      while (!ending.signal.aborted) {
        for (const { key, phrase } of await findBlockers(watcher, pid)) {
          if (!seen.has(key)) onProgress(`waiting for ${phrase}`)
          seen.set(key, phrase)
        }
        await sleep(pauseMs, null, { signal: ending.signal })
      }
    } finally {
      await watcher.end()
    }
    // The messages are a courtesy: neither their end nor a missing connection is a fault.
  })().catch(() => {})
  return {
    async stop() {
      ending.abort()
      await watching
    },
  }
}

async function findBlockers(client: pg.Client, pid: number | null): Promise<{ key: string; phrase: string }[]> {
  const { rows } = await client.query<{ key: string; phrase: string }>(
    `select format('%s %s', pid, xact_start) as key,
       format('session %s (%s%s, transaction since %s UTC)', pid, coalesce(nullif(application_name, ''), usename, backend_type),
         case when state like 'idle%' then ', ' || state else '' end,
         to_char(xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')) as phrase
     from pg_stat_activity where pid = any(pg_blocking_pids($1))`,
    [pid],
  )
  return rows
}
