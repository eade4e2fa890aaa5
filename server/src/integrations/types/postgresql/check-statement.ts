import { hasSqlDetails, type ParseResult, parse } from 'libpg-query'

export const maxSqlLength = 20_000

/** What a statement names, for the server to look up before it runs. */
export interface CheckedStatement {
  /** Without the semicolon and what is around it. */
  sql: string
  /** Can be read through a cursor, in parts. */
  isQuery: boolean
  functions: CalledName[]
  /** What may be a function in disguise: `(row).name` calls name(row). */
  attributes: string[]
}

export interface CalledName {
  schema: string | null
  name: string
}

/** The model can mend it: the message says how. */
export class StatementRefused extends Error {
  override name = 'StatementRefused'
}

/**
 * One statement that only reads, or nothing. It is the first of several walls: the server's own are a transaction that is
 * READ ONLY, functions looked up by their volatility, and the rights of the role.
 */
export async function checkStatement(sql: string, schemas: readonly string[]): Promise<CheckedStatement> {
  if (sql.length > maxSqlLength) refuse(`A statement has at most ${maxSqlLength.toLocaleString('en')} characters.`)
  if (sql.includes('\0')) refuse('A statement has no NUL.')
  const { stmts = [] } = await parseSql(sql)
  const [first] = stmts
  if (!first?.stmt) refuse('There is no statement.')
  if (stmts.length > 1) refuse('Only one statement at a time.')
  const [kind = '', body] = Object.entries(first.stmt)[0] ?? []
  if (!(kind in roots)) refuse('Only SELECT, WITH, VALUES, TABLE, EXPLAIN and SHOW are allowed.')
  roots[kind as keyof typeof roots](body as Fields)
  const found = walk(first.stmt)
  checkRelations(found, schemas)
  const { functions, attributes } = found
  const bytes = Buffer.from(sql)
  const from = first.stmt_location ?? 0
  const text = bytes.subarray(from, first.stmt_len ? from + first.stmt_len : bytes.length).toString()
  return { sql: text.trim(), isQuery: kind === 'SelectStmt', functions, attributes }
}

async function parseSql(sql: string): Promise<ParseResult> {
  try {
    return await parse(sql)
  } catch (error) {
    if (error instanceof RangeError) refuse('The statement is nested too deeply.')
    if (!(error instanceof Error)) throw error
    const at = hasSqlDetails(error) ? ` (at character ${(error.sqlDetails?.cursorPosition ?? 0) + 1})` : ''
    refuse(`This cannot be read as SQL: ${error.message}${at}.`)
  }
}

type Fields = Record<string, unknown>

const roots = {
  SelectStmt: () => {},
  VariableShowStmt({ name }: Fields) {
    // Settings with a dot are an application's own and may hold secrets.
    if (typeof name !== 'string' || name.includes('.') || name === 'all')
      refuse('SHOW is for one setting of PostgreSQL.')
  },
  ExplainStmt({ query, options = [] }: Fields) {
    if (typeof query !== 'object' || query === null || !('SelectStmt' in query)) refuse('EXPLAIN is for queries.')
    for (const option of options as { DefElem?: { defname?: string } }[])
      if (!/^(verbose|costs|format|settings|generic_plan)$/.test(option.DefElem?.defname ?? ''))
        refuse(`EXPLAIN is allowed without ${option.DefElem?.defname?.toUpperCase()}.`)
  },
}

interface Found {
  functions: CalledName[]
  attributes: string[]
  relations: { schema: string | null; name: string; catalog: boolean }[]
  ctes: Set<string>
}

/** Goes through the whole tree: what writes can stand at any depth, as in `WITH x AS (DELETE ...)`. */
function walk(tree: unknown): Found {
  const found: Found = { functions: [], attributes: [], relations: [], ctes: new Set() }
  const open: unknown[] = [tree]
  while (open.length > 0) {
    const node = open.pop()
    if (typeof node !== 'object' || node === null) continue
    for (const [key, value] of Object.entries(node)) {
      visit(key, value, found)
      open.push(value)
    }
  }
  return found
}

function visit(key: string, value: unknown, found: Found): void {
  if (key.endsWith('Stmt') && !(key in roots)) refuse('The statement may only read, in each of its parts.')
  if (key === 'intoClause') refuse('SELECT INTO makes a table; only reading is allowed.')
  if (key === 'lockingClause') refuse('FOR UPDATE and FOR SHARE lock rows; only reading is allowed.')
  const fields = value as Fields
  if (key === 'RangeVar') {
    const { catalogname, schemaname, relname } = fields
    found.relations.push({
      schema: typeof schemaname === 'string' ? schemaname : null,
      name: String(relname),
      catalog: catalogname !== undefined,
    })
  } else if (key === 'CommonTableExpr') {
    found.ctes.add(String(fields.ctename))
  } else if (key === 'FuncCall' || key === 'RangeTableSample') {
    const names = namesOf(key === 'FuncCall' ? fields.funcname : fields.method)
    const called = { schema: names.length > 1 ? (names.at(-2) ?? null) : null, name: names.at(-1) ?? '' }
    checkFunction(called.name)
    found.functions.push(called)
  } else if (key === 'ColumnRef' || key === 'A_Indirection') {
    const names = namesOf(key === 'ColumnRef' ? fields.fields : fields.indirection)
    found.attributes.push(...(key === 'ColumnRef' ? names.slice(1) : names))
  }
}

function namesOf(list: unknown): string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((node: { String?: { sval?: string } }) => (node.String?.sval ? [node.String.sval] : []))
}

// Most of these are volatile, and refused for that as well: this list holds also where a server says otherwise, and adds
// functions that run SQL from a text, give away a transaction number or read settings.
const refusedFunctions = new RegExp(
  `^(${[
    'dblink.*|lo_.*|loread|lowrite|pg_read_.*|pg_ls_.*|pg_stat_file|pg_file_.*|pg_logdir_ls|pg_current_logfile',
    'pg_sleep.*|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_notify|pg_promote',
    'pg_.*advisory.*|pg_export_snapshot|pg_logical_.*|pg_replication_.*|pg_.*_slot|pg_stat_reset.*|pg_switch_wal',
    'pg_create_restore_point|pg_backup_.*|pg_start_backup|pg_stop_backup|pg_wal_replay_.*|pg_log_.*|binary_upgrade_.*',
    'set_config|current_setting|setseed|nextval|setval|txid_current.*|pg_current_xact_id.*|pg_extension_config_dump',
    '.*_to_xml.*|cursor_to_.*|ts_stat|ts_rewrite|crosstab.*|connectby|xpath_table|http|http_.*|pg_prewarm|plv8.*',
  ].join('|')})$`,
  'i',
)

function checkFunction(name: string): void {
  if (refusedFunctions.test(name)) refuse(`The function ${name} is not allowed: only reading is.`)
}

function checkRelations({ relations, ctes, functions }: Found, schemas: readonly string[]): void {
  for (const { schema, name, catalog } of relations) {
    if (catalog) refuse('Name tables as schema.table or table.')
    if (schemas.length === 0 || (schema === null && ctes.has(name))) continue
    // What begins so and has no schema is PostgreSQL's own: its schema is searched before all others.
    if (schema === null ? name.startsWith('pg_') : !schemas.includes(schema))
      refuse(`The owner allows only tables of these schemas: ${schemas.join(', ')}.`)
  }
  if (schemas.length === 0) return
  for (const { schema } of functions)
    if (schema !== null && schema !== 'pg_catalog' && !schemas.includes(schema))
      refuse(`The owner allows only functions of these schemas: ${schemas.join(', ')}.`)
}

function refuse(message: string): never {
  throw new StatementRefused(message)
}
