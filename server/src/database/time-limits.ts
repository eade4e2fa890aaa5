import pg from 'pg'

type TimeLimit = 'statement_timeout' | 'lock_timeout' | 'idle_in_transaction_session_timeout'
export type TimeLimits = Partial<Record<TimeLimit, string>>

const wanted: Required<TimeLimits> = {
  statement_timeout: '8s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '30s',
}
/** Longer than that, open-pool.ts takes PostgreSQL for dead before it ends the statement. */
const longestStatementMs = 9000

/** SQL that gives a role these limits, for all its sessions to come. */
export function timeLimitStatements(role: string, limits: TimeLimits = wanted): string[] {
  return Object.entries(limits).map(
    ([setting, value]) => `alter role ${pg.escapeIdentifier(role)} set ${setting} = '${value}'`,
  )
}

/** To be appended to a SELECT: sets the limits for its transaction alone, which no pooler can lose or carry on. */
export function timeLimitColumns(limits: TimeLimits): string {
  return Object.entries(limits)
    .map(([setting, value]) => `, set_config('${setting}', '${value}', true)`)
    .join('')
}

/** The limits that the sessions of this login lack, or that are too long to be any. Through a pooler, too. */
export async function findMissingTimeLimits(serverUrl: string): Promise<{ role: string; limits: TimeLimits }> {
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: TimeLimit; setting: string; role: string }>(
      'select name, setting, current_user as role from pg_settings where name = any($1)',
      [Object.keys(wanted)],
    )
    const isMissing = (name: TimeLimit, ms: number) =>
      ms === 0 || (name === 'statement_timeout' && ms > longestStatementMs)
    const missing = rows.filter(({ name, setting }) => isMissing(name, Number(setting)))
    return {
      role: rows[0]?.role ?? '',
      limits: Object.fromEntries(missing.map(({ name }) => [name, wanted[name]])),
    }
  } finally {
    await client.end()
  }
}
