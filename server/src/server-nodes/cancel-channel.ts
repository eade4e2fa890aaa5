import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Log } from '../log.ts'

const channel = 'agentexpress_cancel'

export interface CancelChannel {
  /** Tells all servers on this database. */
  send(runId: string): Promise<void>
  close(): Promise<void>
}

/** Carries the wish to cancel a run to the server it is on. LISTEN needs a session of its own, hence a direct URL. */
export function openCancelChannel(directUrl: string, log: Log, onCancel: (runId: string) => void): CancelChannel {
  let client: pg.Client | null = null
  let isClosed = false

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
        await broken
      } catch (error) {
        log.warn({ err: error }, 'the channel that carries cancellations broke; it is opened again')
      }
      client = null
      await next.end().catch(() => {})
      if (!isClosed) await sleep(waitMs)
    }
  }
  const listening = listen()

  return {
    async send(runId) {
      await client?.query('select pg_notify($1, $2)', [channel, runId])
    },
    async close() {
      isClosed = true
      await client?.end().catch(() => {})
      await listening
    },
  }
}
