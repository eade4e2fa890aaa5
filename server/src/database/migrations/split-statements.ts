import type { DefElem, RawStmt } from 'libpg-query'

export interface Statement {
  /** With the comments before it, without the semicolon. */
  text: string
  /** Line of the statement's first word, from 1. */
  line: number
  tree: NonNullable<RawStmt['stmt']>
  /** A comment before it says "For each partition of <table>": it runs once for each, with its name for {partition}. */
  eachPartitionOf: string | null
}

/** Cuts a script into its statements with PostgreSQL's own parser, so that a `;` in a body or a text does not count. */
export async function splitStatements(sql: string): Promise<Statement[]> {
  // Loaded when it is needed: most starts of the server parse nothing.
  const { parse } = await import('libpg-query')
  const { stmts = [] } = await parse(sql)
  // The parser counts bytes.
  const bytes = Buffer.from(sql)
  const slice = (from: number, to: number) => bytes.subarray(from, to).toString()
  let end = 0
  return stmts.flatMap(({ stmt, stmt_location: location = 0, stmt_len: length }) => {
    const begin = end
    // No length: up to the end of the script.
    end = length ? location + length + 1 : bytes.length
    if (!stmt) return []
    const text = slice(begin, length ? location + length : end)
    const lead = /^(?:\s|--[^\n]*\n)*/.exec(text)?.[0] ?? ''
    const eachPartitionOf = /^-- For each partition of ([\w.]+)$/m.exec(lead)?.[1] ?? null
    return [{ text: text.trim(), line: (slice(0, begin) + lead).split('\n').length, tree: stmt, eachPartitionOf }]
  })
}

/** Whether PostgreSQL refuses this statement in a transaction. */
export function needsNoTransaction({ tree }: Pick<Statement, 'tree'>): boolean {
  if ('IndexStmt' in tree) return tree.IndexStmt.concurrent === true
  if ('DropStmt' in tree) return tree.DropStmt.concurrent === true
  if ('ReindexStmt' in tree) return hasOption(tree.ReindexStmt.params, 'concurrently')
  if ('AlterTableStmt' in tree) {
    return (tree.AlterTableStmt.cmds ?? []).some((node) => {
      const definition = 'AlterTableCmd' in node ? node.AlterTableCmd.def : undefined
      return definition !== undefined && 'PartitionCmd' in definition && definition.PartitionCmd.concurrent === true
    })
  }
  return 'VacuumStmt' in tree || 'AlterSystemStmt' in tree || 'CreatedbStmt' in tree || 'DropdbStmt' in tree
}

function hasOption(options: readonly object[] | undefined, name: string): boolean {
  return (options ?? []).some((node) => 'DefElem' in node && isOn(node.DefElem as DefElem, name))
}

/** Whether an option is said and not said to be off. */
export function isOn({ defname, arg }: DefElem, name = defname): boolean {
  if (defname !== name) return false
  if (!arg) return true
  if ('Boolean' in arg) return arg.Boolean.boolval === true
  if ('Integer' in arg) return (arg.Integer.ival ?? 0) !== 0
  return 'String' in arg && /^(t|tr|tru|true|y|ye|yes|on|1)$/i.test(arg.String.sval ?? '')
}

/** The indexes that the statements make. Interrupted ones stay behind, invalid; so does one that lacks a partition's. */
export function listNewIndexes(statements: Statement[]): { schema: string; name: string }[] {
  return statements.flatMap(({ tree }) => {
    if (!('IndexStmt' in tree) || !tree.IndexStmt.idxname) return []
    return [{ schema: tree.IndexStmt.relation?.schemaname ?? 'public', name: tree.IndexStmt.idxname }]
  })
}
