import type pg from 'pg'
import type { BackupHeader, BackupTable } from './backup-format.ts'
import { quoteTable } from './snapshot.ts'

/**
 * Empties the tables and takes away, within the present transaction, what stands in the way of loading them fast and as
 * they were. Answers the statements that put it back, to be run in this order when the rows are there.
 */
export async function makeLoadable(
  client: pg.Client,
  header: Pick<BackupHeader, 'log_months'>,
  tables: BackupTable[],
): Promise<string[]> {
  for (const month of header.log_months) {
    await client.query('select app.ensure_agent_log_partitions($1::date, 1)', [month])
  }
  const names = tables.map(quoteTable)
  const putBackLast: string[] = []
  for (const name of names) {
    putBackLast.push(...(await disableTriggers(client, name)), ...(await unforceRowLevelSecurity(client, name)))
  }
  // A migration may have put rows in. A table that is only added to lets nobody empty it while its trigger is there.
  await client.query(`truncate ${names.join(', ')}`)
  const [foreignKeys, indexes] = [await findForeignKeys(client, names), await findIndexes(client, names)]
  const putBack: string[] = []
  for (const { drop } of [...foreignKeys, ...indexes]) await client.query(drop)
  for (const { create } of [...indexes, ...foreignKeys]) putBack.push(create)
  putBack.push(...putBackLast)
  // Indexes are built at once at the end; for that one session it may take some memory.
  await client.query(`set local maintenance_work_mem = '256MB'`)
  return putBack
}

interface Removable {
  drop: string
  create: string
}

/** Checking all rows at once at the end takes a fraction of checking each. */
async function findForeignKeys(client: pg.Client, tables: string[]): Promise<Removable[]> {
  const { rows } = await client.query<Removable>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as "drop",
            format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as "create"
     from pg_constraint
     where contype = 'f' and conparentid = 0 and conrelid = any($1::regclass[]) order by conrelid::regclass::text, conname`,
    [tables],
  )
  return rows
}

/** Those of no constraint; an index of a partitioned table takes those of its partitions along. */
async function findIndexes(client: pg.Client, tables: string[]): Promise<Removable[]> {
  const { rows } = await client.query<Removable>(
    // The definition of a partitioned index says ONLY, which would leave the partitions without.
    `select format('drop index %s', indexrelid::regclass) as "drop",
            regexp_replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as "create"
     from pg_index
     where indrelid = any($1::regclass[]) and not indisprimary and not indisreplident
       and not exists (select from pg_constraint where conindid = indexrelid and contype <> 'f')
       and not exists (select from pg_description where classoid = 'pg_class'::regclass and objoid = indexrelid)
     order by indexrelid::regclass::text`,
    [tables],
  )
  return rows
}

/** Triggers check and change what is new; these rows were checked when they were. */
async function disableTriggers(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; state: string }>(
    'select tgname as name, tgenabled as state from pg_trigger where tgrelid = $1::regclass and not tgisinternal',
    [table],
  )
  const putBack: string[] = []
  for (const { name, state } of rows.filter((trigger) => trigger.state !== 'D')) {
    const quoted = client.escapeIdentifier(name)
    const kind = state === 'A' ? 'always ' : state === 'R' ? 'replica ' : ''
    await client.query(`alter table ${table} disable trigger ${quoted}`)
    putBack.push(`alter table ${table} enable ${kind}trigger ${quoted}`)
  }
  return putBack
}

/** COPY refuses tables under row-level security. */
async function unforceRowLevelSecurity(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ is_forced: boolean }>(
    'select relforcerowsecurity as is_forced from pg_class where oid = $1::regclass',
    [table],
  )
  if (!rows[0]?.is_forced) return []
  await client.query(`alter table ${table} no force row level security`)
  return [`alter table ${table} force row level security`]
}
