import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'

const channel = 'agentexpress_cancel'

export interface CancelChannel {
  /** Tells all servers on this database. Throws `unavailable` while the database cannot be reached. */
  send(runId: string): Promise<void>
  close(): Promise<void>
}

/** Carries the wish to cancel a run to the server it is on. LISTEN needs a session of its own, hence a direct URL. */
export function openCancelChannel(directUrl: string, log: Log, onCancel: (runId: string) => void): CancelChannel {
  let client: pg.Client | null = null
  let isClosed = false
  const closing = new AbortController()

  async function listen(): Promise<void> {
    for (let waitMs = 500; !isClosed; waitMs = Math.min(10_000, waitMs * 2)) {
      const next = new pg.Client({
        connectionString: directUrl,
        application_name: 'agentexpress cancel',
        keepAlive: true,
      })
      try {
        next.on('notification', ({ payload }) => payload && onCancel(payload))
        const broken = new Promise<void>((resolve) => {
          next.on('error', () => resolve())
          next.on('end', () => resolve())
        })
        await next.connect()
        await next.query(`listen ${channel}`)
        client = next
        waitMs = 500
        // Closed while it was opened: nobody else would end this one.
        if (!isClosed) await broken
      } catch (error) {
        log.warn({ err: error }, 'the channel that carries cancellations broke; it is opened again')
      }
      client = null
      await next.end().catch(() => {})
      if (!isClosed) await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const listening = listen()

  return {
    async send(runId) {
      const present = client
      try {
        if (!present) throw new Error('The channel is being opened again.')
        await present.query('select pg_notify($1, $2)', [channel, runId])
      } catch (cause) {
        // Never silently: the caller would believe that the run is being cancelled.
        throw new AppError('unavailable', { retryAfterSeconds: 2, cause })
      }
    },
    async close() {
      isClosed = true
      closing.abort()
      await client?.end().catch(() => {})
      await listening
    },
  }
}
