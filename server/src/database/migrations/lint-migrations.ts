import type { AlterTableStmt, Node } from 'libpg-query'
import { findBoundFaults, findFaults } from './find-faults.ts'
import { firstRelease } from './first-release.ts'
import { type Fault, joinName, type LintContext, type LintRule, lintRules, tableName } from './lint-rules.ts'
import {
  describeMigration,
  type Migration,
  readDownHeader,
  readLostNames,
  reasonOf,
  runsWithoutTransaction,
} from './migration.ts'
import { isOn, needsNoTransaction, type Statement, splitStatements } from './split-statements.ts'

export interface Finding {
  migration: string
  file: 'migration.sql' | 'down.sql'
  line: number
  rule: LintRule
  message: string
}

/** What earlier migrations made. */
interface Past {
  tables: Set<string>
  partitioned: Set<string>
  /** Restrictive policies as "name on table", and the functions of triggers so named. */
  restrictive: Set<string>
  triggers: Map<string, string>
  /** Valid checks that a column is not null, as "table.column", and those still to be validated by constraint name. */
  notNull: Set<string>
  notNullByConstraint: Map<string, string>
}

export const formatFinding = ({ file, line, rule, message }: Finding) =>
  `${file}:${line} ${rule}: ${message}. ${lintRules[rule]}`

/**
 * Looks for DDL that would lock out, slow down or break a version that is running, and for files that say too little.
 * `exempt` names the rules that a migration need not keep.
 */
export async function lintMigrations(
  migrations: Migration[],
  exempt: Readonly<Record<string, readonly LintRule[]>> = firstRelease,
): Promise<Finding[]> {
  const past: Past = {
    tables: new Set(),
    partitioned: new Set(),
    restrictive: new Set(),
    triggers: new Map(),
    notNull: new Set(),
    notNullByConstraint: new Map(),
  }
  const findings: Finding[] = []
  for (const migration of migrations) {
    const found = [...checkFiles(migration), ...(await lintUp(migration, past)), ...(await lintDown(migration, past))]
    findings.push(...found.filter(({ rule }) => !exempt[migration.name]?.includes(rule)))
  }
  return findings
}

function checkFiles(migration: Migration): Finding[] {
  const base = { migration: migration.name, line: 1 }
  const findings: Finding[] = []
  const { loses, keeps } = readDownHeader(migration)
  if (!loses || !keeps)
    findings.push({
      ...base,
      file: 'down.sql',
      rule: 'down-header',
      message: 'does not say what is lost and what is kept',
    })
  if (!/^\d{14}_[a-z0-9_]+$/.test(migration.name))
    findings.push({
      ...base,
      file: 'migration.sql',
      rule: 'name',
      message: `${migration.name} is out of order or unclear`,
    })
  if (!describeMigration(migration))
    findings.push({ ...base, file: 'migration.sql', rule: 'description', message: 'does not say what it does' })
  return findings
}

async function lintUp(migration: Migration, past: Past): Promise<Finding[]> {
  const statements = await parse(migration, 'migration.sql')
  if ('rule' in statements) return [statements]
  const usedBefore = new Set(past.tables)
  const madeHere = new Set(statements.flatMap(({ tree }) => nameOfMade(tree)))
  const context: LintContext = {
    isWithoutTransaction: runsWithoutTransaction(migration),
    isInUse: (table) => usedBefore.has(table),
    isPartitioned: (table) => past.partitioned.has(table),
    hasNotNullCheck: (table, column) => past.notNull.has(`${table}.${column}`),
    hasSuccessor: (guard) => hasSuccessor(guard, past, madeHere),
    unvalidated: new Set(),
    unforced: new Set(),
    madeHere,
  }
  const unprotected = findUnprotected(statements)
  return statements.flatMap((statement, index) => {
    const faults = [...findFaults(statement, context), ...findUnforced(migration, statements, index)]
    rememberForce(statement.tree, context.unforced)
    remember(statement.tree, past, context)
    return applyOverrides(migration, statement, [...faults, ...unprotected(statement.tree)], 'migration.sql')
  })
}

/** A trigger may be followed by another one of the same table and function. */
function hasSuccessor(guard: string, past: Past, madeHere: Set<string>): boolean {
  if (madeHere.has(guard)) return true
  const [kind, name = '', , table] = guard.split(' ')
  if (kind === 'restrictive') return !past.restrictive.has(`${name} on ${table}`)
  return madeHere.has(`call of ${past.triggers.get(`${name} on ${table}`)} on ${table}`)
}

/** Policies that do not bind the owner, for the length of a transaction, are nobody's danger. */
function findUnforced(migration: Migration, statements: Statement[], index: number): Fault[] {
  const tables = (statement: Statement | undefined, wanted: string) =>
    statement && 'AlterTableStmt' in statement.tree
      ? commands(statement.tree.AlterTableStmt)
          .filter(({ subtype }) => subtype === wanted)
          .map(() => tableName('AlterTableStmt' in statement.tree ? statement.tree.AlterTableStmt.relation : undefined))
      : []
  const forced = new Set(statements.slice(index + 1).flatMap((later) => tables(later, 'AT_ForceRowSecurity')))
  return tables(statements[index], 'AT_NoForceRowSecurity')
    .filter((table) => runsWithoutTransaction(migration) || !forced.has(table))
    .map((table) => ({ rule: 'rls', message: `does not force row-level security of ${table} again` }))
}

function rememberForce(tree: Node, unforced: Set<string>): void {
  if (!('AlterTableStmt' in tree)) return
  const table = tableName(tree.AlterTableStmt.relation)
  for (const { subtype } of commands(tree.AlterTableStmt)) {
    if (subtype === 'AT_NoForceRowSecurity') unforced.add(table)
    if (subtype === 'AT_ForceRowSecurity') unforced.delete(table)
  }
}

async function lintDown(migration: Migration, past: Past): Promise<Finding[]> {
  const statements = await parse(migration, 'down.sql')
  if ('rule' in statements) return [statements]
  const isWithoutTransaction = runsWithoutTransaction(migration)
  const named = readDownHeader(migration).loses === null ? null : readLostNames(migration)
  const unforced = new Set<string>()
  return statements.flatMap((statement, index) => {
    const { tree } = statement
    const faults: Fault[] = listTaken(tree)
      .filter((name) => named && !named.includes(name))
      .map((name) => ({ rule: 'down-header', message: `takes ${name} away and does not say so` }))
    faults.push(...findBoundFaults(tree, { isInUse: (table) => past.tables.has(table), unforced }))
    faults.push(...findUnforced(migration, statements, index))
    rememberForce(tree, unforced)
    if ('TransactionStmt' in tree || (needsNoTransaction(statement) && !isWithoutTransaction))
      faults.push({ rule: 'transaction', message: 'cannot run in the transaction of the deployer' })
    if (isWithoutTransaction && !('DropStmt' in tree && tree.DropStmt.missing_ok))
      faults.push({ rule: 'half-way-back', message: 'fails when the migration did not come this far' })
    return applyOverrides(migration, statement, faults, 'down.sql')
  })
}

async function parse({ name, up, down }: Migration, file: Finding['file']): Promise<Statement[] | Finding> {
  try {
    return await splitStatements(file === 'down.sql' ? down : up)
  } catch (error) {
    return { migration: name, file, line: 1, rule: 'syntax', message: reasonOf(error) }
  }
}

/** Leaves out what a comment before or within the statement allows with a reason. */
function applyOverrides(migration: Migration, statement: Statement, faults: Fault[], file: Finding['file']): Finding[] {
  const base = { migration: migration.name, file, line: statement.line }
  const allowed = new Set<string>()
  const findings: Finding[] = []
  for (const [, rule = '', reason = ''] of statement.text.matchAll(/^\s*-- lint-allow\s+([\w-]*):?(.*)$/gm)) {
    allowed.add(rule)
    if (reason.trim().length < 10 || !(rule in lintRules))
      findings.push({ ...base, rule: 'allow-reason', message: `"${rule}" is no rule, or the reason is missing` })
    else if (!faults.some((fault) => fault.rule === rule))
      findings.push({ ...base, rule: 'unused-allow', message: `nothing here breaks the rule ${rule}` })
  }
  return [...findings, ...faults.filter(({ rule }) => !allowed.has(rule)).map((fault) => ({ ...base, ...fault }))]
}

function nameOfMade(tree: Node): string[] {
  if ('CreateFunctionStmt' in tree) return [joinName(tree.CreateFunctionStmt.funcname)]
  if ('CreateEnumStmt' in tree) return [joinName(tree.CreateEnumStmt.typeName)]
  if ('CreateDomainStmt' in tree) return [joinName(tree.CreateDomainStmt.domainname)]
  if ('CreateSchemaStmt' in tree) return [tree.CreateSchemaStmt.schemaname ?? '']
  if ('CreatePolicyStmt' in tree) {
    const { policy_name: policy, table, permissive } = tree.CreatePolicyStmt
    const name = `${policy} on ${tableName(table)}`
    return permissive ? [name] : [name, `restrictive ${name}`]
  }
  if ('CreateTrigStmt' in tree) {
    const { trigname, relation, funcname } = tree.CreateTrigStmt
    const table = tableName(relation)
    return [`trigger ${trigname} on ${table}`, `call of ${joinName(funcname)} on ${table}`]
  }
  return []
}

const commands = ({ cmds }: AlterTableStmt) =>
  (cmds ?? []).flatMap((node) => ('AlterTableCmd' in node ? [node.AlterTableCmd] : []))

/** Tables and columns that are gone after the statement, those of schema public without it. */
function listTaken(tree: Node): string[] {
  const short = (name: string) => name.replace(/^public\./, '')
  if ('DropStmt' in tree && tree.DropStmt.removeType === 'OBJECT_TABLE')
    return (tree.DropStmt.objects ?? []).flatMap((node) => ('List' in node ? [short(joinName(node.List.items))] : []))
  if (!('AlterTableStmt' in tree)) return []
  const table = short(tableName(tree.AlterTableStmt.relation))
  return commands(tree.AlterTableStmt).flatMap(({ subtype, name }) =>
    subtype === 'AT_DropColumn' ? [`${table}.${name}`] : [],
  )
}

/** Takes what the statement makes into the past of the next ones. */
function remember(tree: Node, past: Past, context: LintContext): void {
  if ('CreateStmt' in tree) {
    past.tables.add(tableName(tree.CreateStmt.relation))
    if (tree.CreateStmt.partspec) past.partitioned.add(tableName(tree.CreateStmt.relation))
  }
  if ('CreatePolicyStmt' in tree && !tree.CreatePolicyStmt.permissive)
    past.restrictive.add(`${tree.CreatePolicyStmt.policy_name} on ${tableName(tree.CreatePolicyStmt.table)}`)
  if ('CreateTrigStmt' in tree) {
    const { trigname, relation, funcname } = tree.CreateTrigStmt
    past.triggers.set(`${trigname} on ${tableName(relation)}`, joinName(funcname))
  }
  if (!('AlterTableStmt' in tree)) return
  const table = tableName(tree.AlterTableStmt.relation)
  for (const { subtype, name, def } of commands(tree.AlterTableStmt)) {
    if (subtype === 'AT_ValidateConstraint') {
      const column = past.notNullByConstraint.get(`${table}.${name}`)
      if (column) past.notNull.add(column)
    }
    if (subtype !== 'AT_AddConstraint' || !def || !('Constraint' in def)) continue
    const { conname, skip_validation: isUnvalidated, raw_expr: check } = def.Constraint
    if (isUnvalidated) context.unvalidated.add(`${table}.${conname}`)
    const test =
      check && 'NullTest' in check && check.NullTest.nulltesttype === 'IS_NOT_NULL' ? check.NullTest.arg : null
    if (!test || !('ColumnRef' in test)) continue
    const column = `${table}.${joinName(test.ColumnRef.fields)}`
    if (isUnvalidated) past.notNullByConstraint.set(`${table}.${conname}`, column)
    else past.notNull.add(column)
  }
}

/** Answers what a statement's new table or view lacks in this migration for row-level security to hold. */
function findUnprotected(statements: Statement[]): (tree: Node) => Fault[] {
  const protections = new Set<string>()
  for (const { tree } of statements) {
    if ('CreatePolicyStmt' in tree) protections.add(`policy ${tableName(tree.CreatePolicyStmt.table)}`)
    if (!('AlterTableStmt' in tree)) continue
    for (const { subtype } of commands(tree.AlterTableStmt))
      protections.add(`${subtype} ${tableName(tree.AlterTableStmt.relation)}`)
  }
  return (tree) => {
    if ('ViewStmt' in tree) {
      const isInvoker = (tree.ViewStmt.options ?? []).some(
        (node) => 'DefElem' in node && isOn(node.DefElem, 'security_invoker'),
      )
      return isInvoker
        ? []
        : [{ rule: 'rls', message: `the view ${tableName(tree.ViewStmt.view)} reads with its owner's rights` }]
    }
    const made =
      'CreateStmt' in tree ? tree.CreateStmt : 'CreateTableAsStmt' in tree ? tree.CreateTableAsStmt.into : null
    const relation = made && ('relation' in made ? made.relation : 'rel' in made ? made.rel : undefined)
    if (!made || !relation || relation.relpersistence === 't') return []
    const table = tableName(relation)
    const isPartition = 'partbound' in made && made.partbound !== undefined
    const lacks = [
      ...(protections.has(`AT_EnableRowSecurity ${table}`) ? [] : ['not enabled']),
      ...(protections.has(`AT_ForceRowSecurity ${table}`) ? [] : ['not forced']),
      // A partition is reached through its table's policies, or not at all.
      ...(isPartition || protections.has(`policy ${table}`) ? [] : ['without a policy']),
    ]
    return lacks.length > 0 ? [{ rule: 'rls', message: `row-level security of ${table} is ${lacks.join(', ')}` }] : []
  }
}
