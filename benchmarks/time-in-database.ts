import type { CompiledQuery } from 'kysely'
import pg from 'pg'
import type { LoggedUser } from '../database/tests/many-logs.ts'
import { toLiteral } from '../server/src/testing/explain-statements.ts'
import { round } from './write-results.ts'

export interface TimeInDatabase {
  p50_ms: number
  p99_ms: number
}

// A window of a search takes a tenth of a second.
const longestMs = 10_000

/**
 * How long PostgreSQL itself takes for `toStatements` together, settings aside, by EXPLAIN ANALYZE of what is prepared, for
 * one user after the other: execution, and what planning is left when a plan is kept. `role` null is the superuser, past
 * every policy.
 */
export async function timeInDatabase(
  ownerUrl: string,
  role: 'authenticated' | null,
  users: LoggedUser[],
  toStatements: (user: LoggedUser) => CompiledQuery[],
): Promise<TimeInDatabase> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  const times: number[] = []
  const deadline = performance.now() + longestMs
  try {
    for (const user of users) {
      if (performance.now() > deadline && times.length > 10) break
      await client.query('begin')
      if (role) await client.query(`set local role ${role}`)
      await client.query(
        `select set_config('request.jwt.claims', $1, true), set_config('request.account_checked', 'true', true)`,
        [JSON.stringify({ sub: user.id, role })],
      )
      let ms = 0
      for (const [at, statement] of toStatements(user).entries()) {
        if (statement.sql.startsWith('select set_config')) await client.query(statement.sql, [...statement.parameters])
        else ms += await explain(client, `timed_${at}`, statement, times.length === 0)
      }
      times.push(ms)
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

/** In milliseconds; what EXPLAIN itself costs is left out as far as it can be. */
async function explain(client: pg.Client, name: string, statement: CompiledQuery, isNew: boolean): Promise<number> {
  if (isNew) await client.query(`prepare ${name} as ${statement.sql}`)
  const literals = statement.parameters.map(toLiteral)
  const { rows } = await client.query(
    `explain (analyze, timing off, buffers off, summary on, format json) execute ${name}${literals.length > 0 ? `(${literals.join(', ')})` : ''}`,
  )
  const [explained] = rows[0]['QUERY PLAN']
  return explained['Execution Time'] + explained['Planning Time']
}
