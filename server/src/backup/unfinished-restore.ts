import pg from 'pg'

// A schema of its own: the restore makes and drops everything else.
const markTable = 'agentexpress_restore.unfinished'

export async function markRestore(client: pg.ClientBase, backup: string): Promise<void> {
  await client.query('create schema if not exists agentexpress_restore')
  await client.query(
    `create table if not exists ${markTable} (backup text not null, started_at timestamptz not null default now())`,
  )
  await client.query('revoke all on schema agentexpress_restore from public')
  await client.query(`insert into ${markTable} (backup) values ($1)`, [backup])
}

export async function unmarkRestore(client: pg.ClientBase): Promise<void> {
  await client.query('drop schema if exists agentexpress_restore cascade')
}

/** Name of the backup whose restore into this database was cut off, or null. */
export async function findUnfinishedRestore(client: pg.ClientBase): Promise<string | null> {
  const { rows: found } = await client.query('select to_regclass($1) is not null as is_there', [markTable])
  if (!found[0]?.is_there) return null
  const { rows } = await client.query<{ backup: string }>(
    `select backup from ${markTable} order by started_at desc limit 1`,
  )
  return rows[0]?.backup ?? 'unknown'
}

/** Throws when a restore was cut off: the database has tables and no rows, and would pass for a new one. */
export async function refuseUnfinishedRestore(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const backup = await findUnfinishedRestore(client)
    if (backup === null) return
    throw new Error(
      `A restore of ${backup} into this database did not come to its end. Run it again: npm run backup -- restore ${backup}`,
    )
  } finally {
    await client.end()
  }
}
