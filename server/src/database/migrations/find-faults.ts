import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node, RangeVar } from 'libpg-query'
import { findGuardFaults, findOpenFaults, listRowChanges } from './lint-guards.ts'
import { type Fault, harmlessDrops, joinName, type LintContext, listDropped, nameOf, tableName } from './lint-rules.ts'
import { needsNoTransaction, type Statement } from './split-statements.ts'

/** What is dangerous about one statement of migration.sql. */
export function findFaults(statement: Statement, context: LintContext): Fault[] {
  const { tree } = statement
  if ('TransactionStmt' in tree) return [{ rule: 'transaction', message: 'begins or ends a transaction itself' }]
  if (needsNoTransaction(statement) && !context.isWithoutTransaction)
    return [{ rule: 'transaction', message: 'cannot run in a transaction' }]
  if ('AlterTableStmt' in tree)
    return [...findAlterFaults(tree.AlterTableStmt, context), ...findGuardFaults(tree, context)]
  return [
    ...findLockFaults(tree, context),
    ...findRowFaults(tree, context),
    ...findBreakingFaults(tree, context),
    ...findGuardFaults(tree, context),
    ...findOpenFaults(tree),
    ...findSettingFaults(tree, context),
    ...findHiddenFaults(statement),
  ]
}

function findLockFaults(tree: Node, context: LintContext): Fault[] {
  const blocking = (relation: RangeVar | undefined, what: string): Fault[] =>
    context.isInUse(tableName(relation))
      ? [{ rule: 'blocks-writes', message: `${what} keeps writers of ${tableName(relation)} waiting` }]
      : []
  if ('IndexStmt' in tree && !tree.IndexStmt.concurrent) {
    const { relation } = tree.IndexStmt
    // "on only" a partitioned table builds nothing.
    return relation?.inh || !context.isPartitioned(tableName(relation)) ? blocking(relation, 'CREATE INDEX') : []
  }
  if ('LockStmt' in tree)
    return (tree.LockStmt.relations ?? []).flatMap((node) =>
      'RangeVar' in node ? blocking(node.RangeVar, 'LOCK') : [],
    )
  if ('ReindexStmt' in tree && !needsNoTransaction({ tree }))
    return [{ rule: 'blocks-writes', message: 'REINDEX keeps writers waiting' }]
  if ('ClusterStmt' in tree) return [{ rule: 'rewrite', message: 'CLUSTER writes the whole table anew' }]
  return []
}

function findRowFaults(tree: Node, context: LintContext): Fault[] {
  const [changed] = listRowChanges(tree).changed.filter((table) => context.isInUse(tableName(table)))
  return [
    ...(changed
      ? ([{ rule: 'data-change', message: `changes rows of ${tableName(changed)} in one transaction` }] as const)
      : []),
    ...findBoundFaults(tree, context),
  ]
}

/** What finds no rows, without a word, under an owner without BYPASSRLS. */
export function findBoundFaults(tree: Node, context: Pick<LintContext, 'isInUse' | 'unforced'>): Fault[] {
  const { changed, read } = listRowChanges(tree)
  const [bound] = [...changed, ...read]
    .map(tableName)
    .filter((table) => context.isInUse(table) && !context.unforced.has(table))
  return bound ? [{ rule: 'past-policies', message: `finds only what policies of ${bound} show the owner` }] : []
}

const breakingRenames = new Set([
  'OBJECT_TABLE',
  'OBJECT_COLUMN',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SCHEMA',
  'OBJECT_FUNCTION',
  'OBJECT_TYPE',
  'OBJECT_ATTRIBUTE',
])

function findBreakingFaults(tree: Node, context: LintContext): Fault[] {
  const fault = (message: string): Fault[] => [{ rule: 'breaks-running-version', message }]
  if ('RenameStmt' in tree) {
    const { renameType = '', relation } = tree.RenameStmt
    if (!breakingRenames.has(renameType) || (relation && !context.isInUse(tableName(relation)))) return []
    return fault(`renames what the running version knows by its old name${relation ? ` (${tableName(relation)})` : ''}`)
  }
  if ('AlterObjectSchemaStmt' in tree) return fault('moves it to another schema')
  if ('TruncateStmt' in tree) {
    const tables = (tree.TruncateStmt.relations ?? []).flatMap((node) => ('RangeVar' in node ? [node.RangeVar] : []))
    return tables.some((table) => context.isInUse(tableName(table))) ? fault('empties a table') : []
  }
  if ('DropOwnedStmt' in tree || 'ReassignOwnedStmt' in tree) return fault('takes away what nobody has named')
  if ('GrantStmt' in tree && !tree.GrantStmt.is_grant) {
    const { objects, targtype } = tree.GrantStmt
    const isTaken = (node: Node) =>
      targtype !== 'ACL_TARGET_OBJECT' ||
      ('RangeVar' in node ? context.isInUse(tableName(node.RangeVar)) : !context.madeHere.has(nameOf(node)))
    return (objects ?? [])
      .filter(isTaken)
      .map((node) => ('RangeVar' in node ? tableName(node.RangeVar) : nameOf(node)))
      .flatMap((name) => fault(`takes privileges on ${name}`))
  }
  if ('DropStmt' in tree && !harmlessDrops.has(tree.DropStmt.removeType ?? '')) {
    return listDropped(tree.DropStmt)
      .filter(({ isTable, name }) => (isTable ? context.isInUse(name) : !context.madeHere.has(name)))
      .flatMap(({ name }) => fault(`drops ${name}`))
  }
  return []
}

function findSettingFaults(tree: Node, { isWithoutTransaction }: LintContext): Fault[] {
  if (!('VariableSetStmt' in tree)) return []
  const { name = '', is_local: isLocal, args } = tree.VariableSetStmt
  const faults: Fault[] = []
  if (!isLocal && !isWithoutTransaction)
    faults.push({ rule: 'session-setting', message: `the setting of ${name} would last beyond this migration` })
  if (name === 'lock_timeout') {
    const first = args?.[0]
    const value =
      first && 'A_Const' in first ? (first.A_Const.sval?.sval ?? String(first.A_Const.ival?.ival ?? 0)) : '0'
    const ms = readDurationMs(value)
    if (!(ms >= 1 && ms <= 10_000))
      faults.push({ rule: 'session-setting', message: 'waits for locks without limit, or too long' })
  }
  return faults
}

/** As PostgreSQL reads it: milliseconds without a unit. NaN when it is none. */
function readDurationMs(text: string): number {
  const match = /^(\d+)\s*(ms|s|min|h)?$/.exec(text.trim())
  const units: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }
  return match ? Number(match[1]) * (units[match[2] ?? 'ms'] ?? Number.NaN) : Number.NaN
}

function findHiddenFaults({ tree, text }: Statement): Fault[] {
  if (!('DoStmt' in tree)) return []
  const word = /\b(alter|drop|truncate|update|delete|lock|create\s+(?:unique\s+)?index)\b/i.exec(text)?.[1]
  return word ? [{ rule: 'hidden', message: `a DO block with ${word.toUpperCase()} in it` }] : []
}

function findAlterFaults({ relation, cmds }: AlterTableStmt, context: LintContext): Fault[] {
  const table = tableName(relation)
  return (cmds ?? []).flatMap((node): Fault[] => {
    if (!('AlterTableCmd' in node)) return []
    const command = node.AlterTableCmd
    if (command.subtype === 'AT_DisableRowSecurity')
      return [{ rule: 'rls', message: `switches row-level security of ${table} off` }]
    return context.isInUse(table) ? findCommandFaults(table, command, context) : []
  })
}

const rewriting: Record<string, string> = {
  AT_AlterColumnType: 'changing a type',
  AT_SetLogged: 'SET LOGGED',
  AT_SetUnLogged: 'SET UNLOGGED',
  AT_SetTableSpace: 'SET TABLESPACE',
  AT_SetAccessMethod: 'SET ACCESS METHOD',
}

function findCommandFaults(table: string, command: AlterTableCmd, context: LintContext): Fault[] {
  const { subtype = '', name = '', def } = command
  if (rewriting[subtype])
    return [
      { rule: 'rewrite', message: `${rewriting[subtype]} can write all of ${table} anew while nobody can use it` },
    ]
  if (subtype === 'AT_DropColumn') return [{ rule: 'breaks-running-version', message: `drops ${table}.${name}` }]
  if (subtype === 'AT_SetNotNull' && !context.hasNotNullCheck(table, name))
    return [{ rule: 'not-null', message: `reads all of ${table} while nobody can use it, for ${name}` }]
  if (
    subtype === 'AT_ValidateConstraint' &&
    context.unvalidated.has(`${table}.${name}`) &&
    !context.isWithoutTransaction
  )
    return [{ rule: 'validate-same-transaction', message: `validates ${name} right after adding it` }]
  if (subtype === 'AT_DetachPartition' && !(def && 'PartitionCmd' in def && def.PartitionCmd.concurrent))
    return [{ rule: 'blocks-writes', message: `DETACH PARTITION keeps everybody away from ${table}` }]
  if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def) return findConstraintFaults(table, def.Constraint)
  if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def) return findColumnFaults(table, def.ColumnDef)
  return []
}

function findConstraintFaults(table: string, { contype, conname, skip_validation, indexname }: Constraint): Fault[] {
  const named = conname ? ` (${conname})` : ''
  if ((contype === 'CONSTR_CHECK' || contype === 'CONSTR_FOREIGN') && !skip_validation)
    return [{ rule: 'constraint-not-valid', message: `reads all of ${table} under a lock${named}` }]
  if (contype === 'CONSTR_NOTNULL' && !skip_validation)
    return [{ rule: 'not-null', message: `reads all of ${table} while nobody can use it${named}` }]
  if ((contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY') && !indexname)
    return [{ rule: 'blocks-writes', message: `builds an index on ${table} while nobody can write to it${named}` }]
  if (contype === 'CONSTR_EXCLUSION')
    return [{ rule: 'blocks-writes', message: `builds an index on ${table} while nobody can write to it${named}` }]
  return []
}

function findColumnFaults(table: string, { colname = '', typeName, constraints }: ColumnDef): Fault[] {
  const all = (constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []))
  const has = (type: string) => all.some(({ contype }) => contype === type)
  const rewrite = (why: string): Fault => ({
    rule: 'rewrite',
    message: `${why} writes all of ${table} anew (${colname})`,
  })
  const faults: Fault[] = []
  const serial = /serial\d?$/.test(joinName(typeName?.names))
  if (serial || has('CONSTR_IDENTITY')) faults.push(rewrite('a column with numbers of its own'))
  // PostgreSQL 18 has virtual ones, which cost nothing.
  if (all.some(({ contype, generated_kind: kind }) => contype === 'CONSTR_GENERATED' && kind !== 'v'))
    faults.push(rewrite('a stored generated column'))
  const initial = all.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr
  if (initial && callsVolatile(initial)) faults.push(rewrite('a default that differs from row to row'))
  if (has('CONSTR_NOTNULL') && !initial && !serial && !has('CONSTR_IDENTITY') && !has('CONSTR_GENERATED'))
    faults.push({ rule: 'not-null', message: `${table}.${colname} has no value for the rows of the running version` })
  for (const constraint of all.filter(({ contype }) => contype !== 'CONSTR_NOTNULL'))
    faults.push(...findConstraintFaults(table, constraint))
  return faults
}

// Stable within a transaction, so that all rows get the same value without being written.
const stable = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'to_timestamp', 'make_interval'])

/** Any other function counts as volatile: the parser does not know. */
function callsVolatile(expression: unknown): boolean {
  if (Array.isArray(expression)) return expression.some(callsVolatile)
  if (typeof expression !== 'object' || expression === null) return false
  const call = 'FuncCall' in expression ? (expression as { FuncCall: { funcname?: Node[] } }).FuncCall : null
  if (call && !stable.has(joinName(call.funcname).split('.').at(-1) ?? '')) return true
  return Object.values(expression).some(callsVolatile)
}
