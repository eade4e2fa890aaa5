import type { CompiledQuery } from 'kysely'
import pg from 'pg'
import { round } from './write-results.ts'

export interface TimeInDatabase {
  p50_ms: number
  p99_ms: number
}

// A window of a search takes a tenth of a second.
const longestMs = 10_000

/**
 * How long PostgreSQL itself takes for the last of `statements`, by EXPLAIN ANALYZE of what is prepared, for one user after
 * the other: execution, and what planning is left when a plan is kept. `role` null is the superuser, past every policy.
 */
export async function timeInDatabase(
  ownerUrl: string,
  role: 'authenticated' | null,
  userIds: string[],
  toStatements: (userId: string) => CompiledQuery[],
): Promise<TimeInDatabase> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  const times: number[] = []
  const deadline = performance.now() + longestMs
  try {
    for (const userId of userIds) {
      if (performance.now() > deadline && times.length > 10) break
      const statements = toStatements(userId)
      const last = statements.at(-1)
      if (!last) throw new Error('there is no statement')
      await client.query('begin')
      if (role) await client.query(`set local role ${role}`)
      await client.query(
        `select set_config('request.jwt.claims', $1, true), set_config('request.account_checked', 'true', true)`,
        [JSON.stringify({ sub: userId, role })],
      )
      for (const { sql, parameters } of statements.slice(0, -1)) await client.query(sql, [...parameters])
      if (times.length === 0) await client.query(`prepare timed as ${last.sql}`)
      const literals = last.parameters.map((value) =>
        value === null ? 'null' : pg.escapeLiteral(value instanceof Date ? value.toISOString() : String(value)),
      )
      const { rows } = await client.query(
        `explain (analyze, timing off, summary on, format json) execute timed${literals.length > 0 ? `(${literals.join(', ')})` : ''}`,
      )
      const [explained] = rows[0]['QUERY PLAN']
      times.push(explained['Execution Time'] + explained['Planning Time'])
      await client.query('commit')
    }
  } finally {
    await client.end()
  }
  // The first one plans.
  const sorted = times.slice(1).toSorted((left, right) => left - right)
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { p50_ms: at(0.5), p99_ms: at(0.99) }
}
