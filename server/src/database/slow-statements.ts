import pg from 'pg'
import type { Log } from '../log.ts'

/** Once in this time for each statement; another node or the next minute tells the rest. */
const pauseMs = 60_000
const maxStatements = 500
const maxStatementLength = 4000
const maxPlanLength = 16_000
const oldestWithGenericPlan = 160_000

export interface SlowStatement {
  /** With `$1` in place of values. */
  text: string
  durationMs: number
  /** SQLSTATE, when it was cut off. */
  error?: string | undefined
}

/** The lines of the plan; null when it cannot be made just now. */
type Explain = (text: string) => Promise<string[] | null>

export interface SlowStatementLog {
  isSlow(durationMs: number): boolean
  /** Writes it to the log with its plan, in the background. `explain` runs as whoever the statement ran as. */
  note(statement: SlowStatement, explain: Explain): void
}

/** `thresholdMs` 0: nothing is slow. */
export function createSlowStatementLog(thresholdMs: number, log: Log): SlowStatementLog {
  const notedAt = new Map<string, number>()
  const left = new Map<string, number>()
  return {
    isSlow: (durationMs) => thresholdMs > 0 && durationMs >= thresholdMs,
    note({ text, durationMs, error }, explain) {
      const now = performance.now()
      if (now - (notedAt.get(text) ?? Number.NEGATIVE_INFINITY) < pauseMs) {
        left.set(text, (left.get(text) ?? 0) + 1)
        return
      }
      // Few in shape is the rule; past the bound all are forgotten rather than filling the memory.
      if (notedAt.size >= maxStatements) {
        notedAt.clear()
        left.clear()
      }
      notedAt.set(text, now)
      const line = {
        statement: shorten(text.replace(/\s+/g, ' ').trim(), maxStatementLength),
        duration_ms: Math.round(durationMs),
        error,
        unlogged_before: left.get(text) ?? 0,
      }
      left.delete(text)
      explain(text).then(
        (plan) => log.warn({ ...line, plan: plan && shorten(plan.join('\n'), maxPlanLength) }, 'a statement was slow'),
        (cause: unknown) => log.warn({ ...line, plan: null, reason: String(cause) }, 'a statement was slow'),
      )
    },
  }
}

function shorten(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength).toWellFormed()}…` : text
}

/**
 * The plan that serves any values, so that none can get into the log. In a transaction that already acts for somebody,
 * with nothing else in it: the caller rolls it back, and throws the connection away when this fails.
 */
export async function explainStatement(client: pg.ClientBase, text: string): Promise<string[]> {
  const { rows: versions } = await client.query<{ version: number }>(
    `select current_setting('server_version_num')::int as version`,
  )
  if ((versions[0]?.version ?? 0) >= oldestWithGenericPlan)
    return readPlan(await client.query(`explain (generic_plan) ${text}`))
  const count = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  const nothing = count > 0 ? `(${Array.from({ length: count }, () => 'null').join(', ')})` : ''
  const name = pg.escapeIdentifier(`ax_slow_${Date.now()}_${Math.floor(Math.random() * 1e9)}`)
  // Pruning by null would leave no partition over.
  await client.query('set local plan_cache_mode = force_generic_plan; set local enable_partition_pruning = off')
  await client.query(`prepare ${name} as ${text}`)
  try {
    return readPlan(await client.query(`explain execute ${name}${nothing}`))
  } finally {
    await client.query(`deallocate ${name}`).catch(() => {})
  }
}

function readPlan({ rows }: pg.QueryResult<Record<string, string>>): string[] {
  return rows.map((row) => row['QUERY PLAN'] ?? '')
}
