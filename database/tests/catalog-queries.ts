import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'

/** Opens a connection of its own for one test and closes it afterwards. */
export async function connectForTest(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

export async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** An empty database for one test; answers the URL of its owner. */
export async function createEmptyDatabase(): Promise<string> {
  const name = `empty_${randomBytes(6).toString('hex')}`
  const url = new URL(inject('ownerUrl'))
  url.pathname = '/postgres'
  await query(url.href, `create database ${name} template template0`)
  onTestFinished(async () => {
    await query(url.href, `drop database ${name} with (force)`)
  })
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

const catalogParts: Record<string, string> = {
  tables: `select format('%s.%s kind=%s rls=%s forced=%s options=%s parent=%s bound=%s',
      n.nspname, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
      (select inhparent::regclass from pg_inherits where inhrelid = c.oid), pg_get_expr(c.relpartbound, c.oid)) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S')`,
  columns: `select format('%s.%s.%s %s notnull=%s default=%s', n.nspname, c.relname, a.attname,
      format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v')`,
  indexes: `select format('%s.%s', n.nspname, pg_get_indexdef(i.indexrelid)) as line
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace`,
  constraints: `select format('%s.%s %s %s', n.nspname, k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) as line
    from pg_constraint k join pg_namespace n on n.oid = k.connamespace`,
  policies: `select format('%s.%s %s %s to %s using %s check %s comment %s', p.schemaname, p.tablename, p.policyname, p.cmd,
      p.roles, p.qual, p.with_check, obj_description(o.oid, 'pg_policy')) as line
    from pg_policies p join pg_namespace n on n.nspname = p.schemaname
    join pg_policy o on o.polname = p.policyname and o.polrelid = format('%I.%I', p.schemaname, p.tablename)::regclass`,
  functions: `select format('%s %s', pg_get_functiondef(f.oid), f.proacl) as line
    from pg_proc f join pg_namespace n on n.oid = f.pronamespace`,
  triggers: `select format('%s.%s', n.nspname, pg_get_triggerdef(t.oid)) as line from pg_trigger t
    join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal`,
  privileges: `select format('%s.%s %s %s', n.nspname, c.relname, x.grantee::regrole, x.privilege_type) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) x where x.grantee <> 0
    union all
    select format('%s.%s.%s %s %s', n.nspname, c.relname, a.attname, x.grantee::regrole, x.privilege_type)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace,
      aclexplode(a.attacl) x`,
  schemas: `select format('%s %s %s', n.nspname, n.nspacl, obj_description(n.oid, 'pg_namespace')) as line from pg_namespace n where true`,
  comments: `select format('%s.%s: %s', n.nspname, c.relname, obj_description(c.oid, 'pg_class')) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where obj_description(c.oid, 'pg_class') is not null`,
}

/** Everything a migration can change, as sorted lines; without PostgreSQL's own objects and the ledger. */
export async function dumpCatalog(connectionString: string): Promise<string[]> {
  const lines: string[] = []
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    for (const [part, text] of Object.entries(catalogParts)) {
      const { rows } = await client.query<{ line: string }>(
        text.replaceAll(
          /\bpg_namespace n\b/g,
          `(select * from pg_namespace where nspname !~ '^(pg_|information_schema$)') n`,
        ),
      )
      lines.push(...rows.map(({ line }) => `${part}: ${line}`))
    }
  } finally {
    await client.end()
  }
  return lines.filter((line) => !line.includes('_prisma_migrations')).sort()
}
