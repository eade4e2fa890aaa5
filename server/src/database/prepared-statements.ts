import { randomBytes } from 'node:crypto'
import pg from 'pg'

/**
 * Whether a statement that was prepared by its name is found again at this address. PostgreSQL itself always does; a
 * pooler in transaction mode only when it keeps track of them (PgBouncer since 1.21 with max_prepared_statements), which
 * it does under names of its own, because two clients may use the same one.
 */
export async function knowsPreparedStatements(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  const name = `ax_probe_${randomBytes(8).toString('hex')}`
  try {
    await client.connect()
    await client.query('begin')
    const { rows } = await client.query<{ pid: number }>({ name, text: 'select pg_backend_pid() as pid' })
    // A pooler makes up the process it tells its clients.
    if (rows[0]?.pid === (client as unknown as { processID: number }).processID) return true
    const { rows: verbatim } = await client.query('select from pg_prepared_statements where name = $1', [name])
    if (verbatim.length === 0) return true
    // The connection behind the pooler will serve others.
    await client.query(`deallocate ${name}`)
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
