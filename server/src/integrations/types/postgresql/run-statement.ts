import type pg from 'pg'
import { z } from 'zod'
import type { Connection } from '../../integration-type.ts'
import { type CheckedStatement, checkStatement, StatementRefused } from './check-statement.ts'
import { type Query, withDatabase } from './open-database.ts'
import { toJson } from './to-json.ts'

export const maxRows = 1000
const rowsAtOnce = 100
const maxResultChars = 200_000

const input = z.object({ sql: z.string() })

export interface QueryResult {
  columns: string[]
  /** In the order of the columns. */
  rows: unknown[][]
  /** There are more rows than were asked for or fit. */
  is_cut: boolean
}

export async function runStatement(given: unknown, connection: Connection): Promise<QueryResult> {
  const { settings } = connection
  const statement = await checkStatement(input.parse(given).sql, (settings.schemas ?? []) as string[])
  const limit = Math.min(maxRows, Number(settings.row_limit ?? 100))
  return await withDatabase(connection, async ({ query, client }) => {
    await refuseEffects(query, statement)
    const execute = (text: string) =>
      client.query<unknown[]>({ text, values: [], rowMode: 'array', queryMode: 'extended' } as pg.QueryArrayConfig)
    const result = createResult(limit)
    // The extended protocol takes one statement and no more, whatever this server and the other one read differently.
    if (!statement.isQuery) {
      result.add(await execute(statement.sql))
      return result.get()
    }
    await execute(`declare agentexpress_rows no scroll cursor without hold for ${statement.sql}\n`)
    while (result.wants > 0) {
      const count = Math.min(rowsAtOnce, result.wants)
      const part = await execute(`fetch forward ${count} from agentexpress_rows`)
      result.add(part)
      if (part.rows.length < count) break
    }
    return result.get()
  })
}

function createResult(limit: number) {
  let columns: string[] = []
  const rows: unknown[][] = []
  let chars = 0
  let isCut = false
  return {
    /** One more than the limit tells whether there are more. */
    get wants() {
      return isCut ? 0 : limit + 1 - rows.length
    },
    add(part: pg.QueryArrayResult<unknown[]>) {
      columns = part.fields.map(({ name }) => name)
      for (const row of part.rows) {
        const values = row.map((value, index) => toJson(value as string | null, part.fields[index]?.dataTypeID ?? 0))
        chars += JSON.stringify(values).length
        if (chars > maxResultChars || rows.length >= limit) {
          isCut = true
          return
        }
        rows.push(values)
      }
    },
    get: (): QueryResult => ({ columns, rows, is_cut: isCut }),
  }
}

// Volatile without an effect: they only answer differently each time.
const harmless = ['random', 'random_normal', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7']

/** A function that can have effects is volatile; PostgreSQL itself keeps those of others from writing. */
async function refuseEffects(query: Query, { functions, attributes }: CheckedStatement): Promise<void> {
  const [found] = await query<{ name: string }>(
    `select p.proname as name
     from pg_catalog.pg_proc p
     join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     left join pg_catalog.pg_type t on t.oid = p.proargtypes[0]
     where p.provolatile = 'v' and not (p.proname = any ($3) and n.nspname = 'pg_catalog')
       and (exists (
         select from jsonb_to_recordset($1::jsonb) as called (schema text, name text)
         where called.name = p.proname
           and (called.schema = n.nspname or called.schema is null and pg_catalog.pg_function_is_visible(p.oid))
       ) or (p.proname = any ($2) and t.typtype in ('c', 'p')))
     limit 1`,
    [JSON.stringify(functions), attributes, harmless],
  )
  if (found) throw new StatementRefused(`The function ${found.name} may change something: only reading is allowed.`)
}
