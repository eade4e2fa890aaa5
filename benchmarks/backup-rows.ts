import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { makeLoadable } from '../server/src/backup/make-loadable.ts'
import { copyOutStatement, readTables } from '../server/src/backup/snapshot.ts'
import { deployMigrations, readMigrations } from '../server/src/database/migrate.ts'
import { ensurePartitions } from '../server/src/database/partitions.ts'

const users = 1000
const months = 6
const batch = 500_000

/** Migrates and fills an empty database with so many logs over half a year. Answers their size as COPY writes them. */
export async function fillLogs(url: string, rows: number): Promise<number> {
  await deployMigrations(url, await readMigrations())
  await ensurePartitions(url)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `insert into users (id, email) select md5('user' || n)::uuid, 'user' || n || '@example.com' from generate_series(0, ${users - 1}) n`,
    )
    const table = (await readTables(client, ['public'])).find(({ name }) => name === 'agent_logs')
    if (!table) throw new Error('there is no table agent_logs')
    await client.query('begin')
    const now = new Date()
    const logMonths = Array.from({ length: months + 1 }, (_, ago) =>
      new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago, 1)).toISOString().slice(0, 10),
    )
    // As a restore loads: indexes and keys come when the rows are there.
    const putBack = await makeLoadable(client, { log_months: logMonths }, [table])
    for (let from = 1; from <= rows; from += batch)
      await client.query(insertBatch, [
        from,
        Math.min(rows, from + batch - 1),
        Math.floor((months * 30 * 86_400_000) / rows),
        rows,
      ])
    for (const statement of putBack) await client.query(statement)
    await client.query('commit')
    await client.query('vacuum analyze')
    // For the share of rows that one reads, so that it does not take as long as a backup.
    const sample = copyOutStatement(table).replace(') to stdout', ` limit ${Math.min(rows, 100_000)}) to stdout`)
    let bytes = 0
    for await (const chunk of client.query(copyTo(sample)) as AsyncIterable<Buffer>) bytes += chunk.length
    return Math.round((bytes * rows) / Math.min(rows, 100_000))
  } finally {
    await client.end()
  }
}

// Ids as the server makes them, version 7: in the order of time, so that their index grows at its end.
const insertBatch = `
  with run as (
    select n, at, (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || overlay(md5(n::text) placing 'a' from 4 for 1))::varchar(32)::uuid as id
    from generate_series($1::integer, $2::integer) n,
         lateral (select now() - make_interval(secs => ($4::integer - n)::float8 * $3::integer / 1000) as at) t
  )
  insert into agent_logs (id, user_id, conversation_id, "timestamp", input, output, metadata, status, source, model, input_tokens, output_tokens, cost_usd, latency_ms)
  select run.id, md5('user' || n % ${users})::uuid, run.id, at,
         'Could you tell me what became of order ' || n || '? ' || md5(n::text),
         'Your order ' || n || ' was sent on day ' || n % 365 || ' and arrives within ' || n % 9 || ' days. ' || md5((n + 1)::text) || md5((n + 2)::text) || ' Is there anything else?',
         jsonb_build_object('steps', n % 5, 'citations', jsonb_build_array(md5((n + 3)::text))),
         'succeeded', 'api', 'anthropic/claude-haiku-4-5', n % 4000, n % 900, (n % 1000) / 100000.0, n % 9000
  from run`
