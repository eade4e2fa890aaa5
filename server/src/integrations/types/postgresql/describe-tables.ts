import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'
import type { Connection } from '../../integration-type.ts'
import { StatementRefused } from './check-statement.ts'
import { withDatabase } from './open-database.ts'

const maxTables = 500
const maxColumns = 500

const tableInput = z.object({ table: z.string().min(1).max(63), schema: z.string().min(1).max(63).optional() })

/** Which relations people mean by tables, of the schemas that the owner allowed ($1; all but PostgreSQL's own when empty). */
const readable = `c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
  and case when cardinality($1::text[]) > 0 then n.nspname = any ($1)
    else n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' end
  and pg_catalog.has_schema_privilege(n.oid, 'usage')
  and pg_catalog.has_any_column_privilege(c.oid, 'select')`

export async function listTables(connection: Connection) {
  const schemas = (connection.settings.schemas ?? []) as string[]
  const rows = await withDatabase(connection, ({ query }) =>
    query<{ schema: string; name: string; kind: string; rows: string | null; comment: string | null }>(
      `select n.nspname as schema, c.relname as name,
         case when c.relkind in ('v', 'm') then 'view' else 'table' end as kind,
         case when c.reltuples >= 0 and c.relkind not in ('v') then c.reltuples::bigint::text end as rows,
         pg_catalog.obj_description(c.oid, 'pg_class') as comment
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where ${readable} order by 1, 2 limit ${maxTables + 1}`,
      [schemas],
    ),
  )
  return {
    tables: rows.slice(0, maxTables).map(({ schema, name, kind, rows: estimate, comment }) => ({
      schema,
      name,
      kind,
      ...(estimate !== null && { estimated_rows: Number(estimate) }),
      ...(comment && { comment: cleanToolText(comment, 200) }),
    })),
    is_cut: rows.length > maxTables,
  }
}

export async function describeTable(given: unknown, connection: Connection) {
  const { table, schema } = tableInput.parse(given)
  const schemas = (connection.settings.schemas ?? []) as string[]
  return await withDatabase(connection, async ({ query }) => {
    const [found] = await query<{ oid: string; schema: string; name: string; comment: string | null }>(
      `select c.oid::text, n.nspname as schema, c.relname as name, pg_catalog.obj_description(c.oid, 'pg_class') as comment
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where ${readable.replace('and not c.relispartition', '')} and c.relname = $2 and ($3::text is null or n.nspname = $3)
       order by pg_catalog.pg_table_is_visible(c.oid) desc, n.nspname limit 1`,
      [schemas, table, schema ?? null],
    )
    if (!found)
      throw new StatementRefused(`There is no such table that may be read. list_tables names those there are.`)
    const columns = await query<{
      name: string
      type: string
      nullable: string
      default: string | null
      comment: string | null
    }>(
      `select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, (not a.attnotnull)::text as nullable,
         pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default, pg_catalog.col_description(a.attrelid, a.attnum) as comment
       from pg_catalog.pg_attribute a
       left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
       order by a.attnum limit ${maxColumns}`,
      [found.oid],
    )
    const constraints = await query<{ text: string }>(
      `select pg_catalog.pg_get_constraintdef(oid) as text from pg_catalog.pg_constraint
       where conrelid = $1::oid and contype in ('p', 'u', 'f', 'c') order by contype desc, conname limit 100`,
      [found.oid],
    )
    return {
      schema: found.schema,
      name: found.name,
      ...(found.comment && { comment: cleanToolText(found.comment, 500) }),
      columns: columns.map((column) => ({
        name: column.name,
        type: column.type,
        is_nullable: column.nullable === 'true',
        ...(column.default && { default: cleanToolText(column.default, 200) }),
        ...(column.comment && { comment: cleanToolText(column.comment, 200) }),
      })),
      constraints: constraints.map(({ text }) => cleanToolText(text, 500)),
    }
  })
}
