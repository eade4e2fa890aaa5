import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node, RangeVar } from 'libpg-query'
import { needsNoTransaction, type Statement } from './split-statements.ts'

/** Every rule and how to do better. */
export const lintRules = {
  syntax: 'PostgreSQL cannot parse the file.',
  name: 'Call the folder <14 digits of date and time>_<verb_object>.',
  description: 'Begin migration.sql with one comment line that says what it does; "migrate plan" prints it.',
  'down-header':
    'Begin down.sql with "-- Loses: ..." and "-- Keeps: ..."; after "Loses:" each table and column that goes stands in backquotes, as `plans` or `plans.price`.',
  'half-way-back':
    'The down.sql of a migration without a transaction has to work from every half-way state: only "drop ... if exists".',
  transaction:
    'The deployer begins and ends the transaction. What PostgreSQL refuses in one goes into a migration of its own that begins with "-- Without a transaction: <reason>".',
  rls: 'Enable and force row-level security and write its policies in the migration that makes the table; views need security_invoker.',
  'blocks-writes':
    'Build indexes concurrently, in a migration without a transaction; a unique constraint then takes that index with "using index".',
  rewrite:
    'Add a new column without default, fill it in batches, switch over, and drop the old one in a later version.',
  'not-null':
    'Add the column nullable or with a constant default. To make one NOT NULL, first add "check (<column> is not null) not valid" and validate it in a later migration.',
  'constraint-not-valid': 'Add the constraint as NOT VALID and validate it in a later migration.',
  'validate-same-transaction':
    'Validate in a later migration: here the lock of ADD CONSTRAINT is held during the whole scan.',
  'breaks-running-version':
    'The version that is running still uses it. Stop using it in one version, take it away in the next.',
  'data-change': 'Change rows in batches from the server, not all in one transaction.',
  'session-setting': 'Use SET LOCAL, and leave lock_timeout between 1 ms and 10 s.',
  hidden: 'Write it outside of DO, where it can be checked.',
  'allow-reason': 'An override is "-- lint-allow <rule>: <reason of ten characters or more>".',
  'unused-allow': 'Take the override away.',
} as const

export type LintRule = keyof typeof lintRules

export interface Fault {
  rule: LintRule
  message: string
}

/** What the linter knows when it looks at a statement. */
export interface LintContext {
  isWithoutTransaction: boolean
  /** An earlier migration made the table: it may be large, and the version that is running uses it. */
  isInUse(table: string): boolean
  hasNotNullCheck(table: string, column: string): boolean
  /** Constraints that this migration added as NOT VALID. */
  unvalidated: Set<string>
  /** Functions, types and the like that this migration made, and policies as "name on table". */
  madeHere: Set<string>
}

export const tableName = (relation: RangeVar | undefined) =>
  `${relation?.schemaname ?? 'public'}.${relation?.relname ?? ''}`

export const joinName = (nodes: readonly Node[] | undefined) =>
  (nodes ?? []).flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : [])).join('.')

/** What is dangerous about one statement of migration.sql. */
export function findFaults(statement: Statement, context: LintContext): Fault[] {
  const { tree } = statement
  if ('TransactionStmt' in tree) return [{ rule: 'transaction', message: 'begins or ends a transaction itself' }]
  if (needsNoTransaction(statement) && !context.isWithoutTransaction)
    return [{ rule: 'transaction', message: 'cannot run in a transaction' }]
  if ('AlterTableStmt' in tree) return findAlterFaults(tree.AlterTableStmt, context)
  return [
    ...findLockFaults(tree, context),
    ...findBreakingFaults(tree, context),
    ...findSettingFaults(tree, context),
    ...findHiddenFaults(statement),
  ]
}

function findLockFaults(tree: Node, context: LintContext): Fault[] {
  const blocking = (relation: RangeVar | undefined, what: string): Fault[] =>
    context.isInUse(tableName(relation))
      ? [{ rule: 'blocks-writes', message: `${what} keeps writers of ${tableName(relation)} waiting` }]
      : []
  // "on only" a partitioned table builds nothing.
  if ('IndexStmt' in tree && !tree.IndexStmt.concurrent && tree.IndexStmt.relation?.inh)
    return blocking(tree.IndexStmt.relation, 'CREATE INDEX')
  if ('LockStmt' in tree)
    return (tree.LockStmt.relations ?? []).flatMap((node) =>
      'RangeVar' in node ? blocking(node.RangeVar, 'LOCK') : [],
    )
  if ('ReindexStmt' in tree && !(tree.ReindexStmt.params ?? []).length)
    return [{ rule: 'blocks-writes', message: 'REINDEX keeps writers waiting' }]
  if ('ClusterStmt' in tree) return [{ rule: 'rewrite', message: 'CLUSTER writes the whole table anew' }]
  const changed =
    'UpdateStmt' in tree
      ? tree.UpdateStmt.relation
      : 'DeleteStmt' in tree
        ? tree.DeleteStmt.relation
        : 'MergeStmt' in tree
          ? tree.MergeStmt.relation
          : undefined
  if (changed && context.isInUse(tableName(changed)))
    return [{ rule: 'data-change', message: `changes rows of ${tableName(changed)} in one transaction` }]
  return []
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
  if ('GrantStmt' in tree && !tree.GrantStmt.is_grant) {
    const tables = (tree.GrantStmt.objects ?? []).flatMap((node) => ('RangeVar' in node ? [node.RangeVar] : []))
    return tables
      .filter((table) => context.isInUse(tableName(table)))
      .flatMap((table) => fault(`takes privileges on ${tableName(table)}`))
  }
  if ('DropStmt' in tree) {
    return listDropped(tree.DropStmt)
      .filter(({ isTable, name }) => (isTable ? context.isInUse(name) : !context.madeHere.has(name)))
      .flatMap(({ name }) => fault(`drops ${name}`))
  }
  return []
}

const harmlessDrops = new Set(['OBJECT_INDEX', 'OBJECT_TRIGGER', 'OBJECT_STATISTIC_EXT', 'OBJECT_RULE'])
const tableDrops = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW'])

function listDropped({ objects, removeType = '' }: { objects?: Node[]; removeType?: string }) {
  if (harmlessDrops.has(removeType)) return []
  return (objects ?? []).map((node) => {
    const parts =
      'List' in node
        ? node.List.items
        : 'ObjectWithArgs' in node
          ? node.ObjectWithArgs.objname
          : 'TypeName' in node
            ? node.TypeName.names
            : [node]
    const name = joinName(parts)
    if (removeType === 'OBJECT_POLICY') return { isTable: false, name: policyName(name) }
    const isTable = tableDrops.has(removeType)
    return { isTable, name: isTable && !name.includes('.') ? `public.${name}` : name }
  })
}

/** PostgreSQL's parser puts the table first: "schema.table.policy". */
function policyName(name: string): string {
  const parts = name.split('.')
  return `${parts.pop()} on ${parts.length > 1 ? parts.join('.') : `public.${parts.join('.')}`}`
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
    if (command.subtype === 'AT_DisableRowSecurity' || command.subtype === 'AT_NoForceRowSecurity')
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
