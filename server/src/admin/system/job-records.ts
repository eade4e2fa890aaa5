import { sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Log } from '../../log.ts'
import { describeError } from './recent-errors.ts'
import type { Job } from './system-schemas.ts'

export interface JobRecords {
  /** Does the work and remembers how it went, for the page of admins. Throws what the work throws. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>
  /** What ran on this server and on the others, by name. */
  list(): Promise<Job[]>
}

/** How the last one of a name went, as the row of `installation` has it. */
interface JobRecord {
  last_success_at: string | null
  last_failure_at: string | null
  failure: string | null
  duration_ms: number
}

const prefix = 'job:'
/** Jobs that run every second need not be written down every second; one whose luck changes is. */
const writtenEveryMs = 60_000

export function createJobRecords({ database, log }: { database: Database; log: Log }): JobRecords {
  const running = new Map<string, number>()
  const written = new Map<string, { at: number; isFailure: boolean }>()

  async function write(name: string, record: Partial<JobRecord>, isFailure: boolean): Promise<void> {
    const before = written.get(name)
    const now = performance.now()
    if (before && before.isFailure === isFailure && now - before.at < writtenEveryMs) return
    written.set(name, { at: now, isFailure })
    // How a job went is worth no failure of its own: the log has it anyway.
    await database
      .asSystem('how a job of the server went is remembered', (tx) =>
        sql`insert into installation (name, value) values (${prefix + name}, ${JSON.stringify(record)}::jsonb)
            on conflict (name) do update set value = installation.value || excluded.value`.execute(tx),
      )
      .catch((err: unknown) => {
        written.delete(name)
        log.debug({ err, job: name }, 'how a job went could not be remembered')
      })
  }

  return {
    async run(name, work) {
      const startedAt = performance.now()
      const took = () => Math.round(performance.now() - startedAt)
      running.set(name, (running.get(name) ?? 0) + 1)
      const ended = () => running.set(name, (running.get(name) ?? 1) - 1)
      try {
        const result = await work()
        ended()
        const record = { last_success_at: new Date().toISOString(), failure: null, duration_ms: took() }
        await write(name, record, false)
        return result
      } catch (error) {
        ended()
        const failure = describeError(error)
        await write(name, { last_failure_at: new Date().toISOString(), failure, duration_ms: took() }, true)
        throw error
      }
    },
    async list() {
      const rows = await database.asSystem('an admin looks how the jobs of the servers went', (tx) =>
        tx
          .selectFrom('installation')
          .select(['name', 'value'])
          .where('name', 'like', `${prefix}%`)
          .orderBy('name')
          .execute(),
      )
      return rows.map(({ name, value }) => toJob(name.slice(prefix.length), value as Partial<JobRecord>, running))
    },
  }
}

function toJob(name: string, record: Partial<JobRecord>, running: Map<string, number>): Job {
  return {
    name,
    is_running: (running.get(name) ?? 0) > 0,
    last_success_at: toDate(record.last_success_at),
    last_failure_at: toDate(record.last_failure_at),
    failure: record.failure ?? null,
    duration_ms: record.duration_ms ?? null,
  }
}

const toDate = (text: string | null | undefined) => (text ? new Date(text) : null)
