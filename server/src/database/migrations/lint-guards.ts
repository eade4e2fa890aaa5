import type { AlterTableStmt, GrantStmt, Node, RangeVar, RoleSpec } from 'libpg-query'
import { type Fault, joinName, type LintContext, listDropped, tableName } from './lint-rules.ts'
import { isOn } from './split-statements.ts'

type Definition = Extract<Node, { DefElem: unknown }>['DefElem']

const definitions = (nodes: readonly Node[] | undefined): Definition[] =>
  (nodes ?? []).flatMap((node) => ('DefElem' in node ? [node.DefElem] : []))

/** What keeps users from rows of others and from rights of the owner, and is switched off, taken away or left out. */
export function findGuardFaults(tree: Node, context: LintContext): Fault[] {
  const fault = (message: string): Fault[] => [{ rule: 'guard', message }]
  if ('CreateFunctionStmt' in tree) {
    const { funcname, options } = tree.CreateFunctionStmt
    return isDefiner(options) && setsSearchPath(options) !== true
      ? fault(`${joinName(funcname)} works with its owner's rights on names of its caller's`)
      : []
  }
  if ('AlterFunctionStmt' in tree) {
    const { func, actions } = tree.AlterFunctionStmt
    const setsPath = setsSearchPath(actions)
    return setsPath === false || (isDefiner(actions) && !setsPath)
      ? fault(`${joinName(func?.objname)} may work with its owner's rights on names of its caller's`)
      : []
  }
  if ('AlterTableStmt' in tree) return findOffFaults(tree.AlterTableStmt)
  if (!('DropStmt' in tree)) return []
  if (tree.DropStmt.removeType === 'OBJECT_TRIGGER')
    return listDropped(tree.DropStmt)
      .filter(({ name }) => !context.hasSuccessor(`trigger ${name}`))
      .flatMap(({ name }) => fault(`drops the trigger ${name}`))
  return listDropped(tree.DropStmt)
    .filter(({ name }) => !context.hasSuccessor(`restrictive ${name}`))
    .flatMap(({ name }) => fault(`drops the restrictive policy ${name}`))
}

function findOffFaults({ relation, cmds, objtype }: AlterTableStmt): Fault[] {
  const table = tableName(relation)
  return (cmds ?? []).flatMap((node): Fault[] => {
    const { subtype = '', name, def } = 'AlterTableCmd' in node ? node.AlterTableCmd : {}
    if (/^AT_(DisableTrig|EnableReplicaTrig)/.test(subtype))
      return [{ rule: 'guard', message: `switches triggers of ${table} off${name ? ` (${name})` : ''}` }]
    const items = objtype === 'OBJECT_VIEW' && def && 'List' in def ? definitions(def.List.items) : []
    const opens = items.some(
      (item) => item.defname === 'security_invoker' && (subtype === 'AT_ResetRelOptions' || !isOn(item)),
    )
    return opens ? [{ rule: 'rls', message: `the view ${table} would read with its owner's rights` }] : []
  })
}

const isDefiner = (options: readonly Node[] | undefined) =>
  definitions(options).some((option) => option.defname === 'security' && isOn(option))

/** False: takes the setting away; null: says nothing of it. */
function setsSearchPath(options: readonly Node[] | undefined): boolean | null {
  for (const { defname, arg } of definitions(options)) {
    if (defname !== 'set' || !arg || !('VariableSetStmt' in arg)) continue
    const { kind, name } = arg.VariableSetStmt
    if (kind === 'VAR_RESET_ALL') return false
    if (name === 'search_path') return kind === 'VAR_SET_VALUE'
  }
  return null
}

/** What anybody could do or see afterwards. */
export function findOpenFaults(tree: Node): Fault[] {
  const fault = (message: string): Fault[] => [{ rule: 'open-to-all', message }]
  if ('GrantStmt' in tree) return findGrantFaults(tree.GrantStmt)
  if ('AlterDefaultPrivilegesStmt' in tree) return findGrantFaults(tree.AlterDefaultPrivilegesStmt.action)
  if ('GrantRoleStmt' in tree && tree.GrantRoleStmt.is_grant) return fault('makes roles members of others')
  const policy =
    'CreatePolicyStmt' in tree ? tree.CreatePolicyStmt : 'AlterPolicyStmt' in tree ? tree.AlterPolicyStmt : null
  if (!policy || ('permissive' in policy ? !policy.permissive : 'CreatePolicyStmt' in tree)) return []
  const isForServer = (policy.roles ?? []).some((node) => ['service_role', 'the owner'].includes(roleName(node)))
  const shows = [policy.qual, policy.with_check].some(
    (node) => node && 'A_Const' in node && node.A_Const.boolval?.boolval,
  )
  return shows && !isForServer
    ? fault(`${policy.policy_name} on ${tableName(policy.table)} lets its users at every row`)
    : []
}

function findGrantFaults(grant: GrantStmt | undefined): Fault[] {
  const everybody = (grant?.grantees ?? []).map(roleName).filter((name) => ['public', 'anon'].includes(name))
  return grant?.is_grant && everybody.length > 0
    ? [{ rule: 'open-to-all', message: `gives privileges to ${everybody.join(' and ')}` }]
    : []
}

function roleName(node: Node): string {
  const role: RoleSpec = 'RoleSpec' in node ? node.RoleSpec : {}
  if (role.roletype === 'ROLESPEC_PUBLIC') return 'public'
  return role.roletype === 'ROLESPEC_CSTRING' ? (role.rolename ?? '') : 'the owner'
}

/** Tables whose rows a statement changes, those of WITH included, and tables that it reads to do so. */
export function listRowChanges(tree: Node): { changed: RangeVar[]; read: RangeVar[] } {
  const changed: RangeVar[] = []
  const read: RangeVar[] = []
  // Their bodies run later.
  if ('CreateFunctionStmt' in tree || 'RuleStmt' in tree) return { changed, read }
  for (const [kind, statement] of nodesWithin(tree)) {
    const { relation, selectStmt } = statement as { relation?: RangeVar; selectStmt?: Node }
    if (['UpdateStmt', 'DeleteStmt', 'MergeStmt'].includes(kind)) {
      if (relation) changed.push(relation)
      read.push(...tablesWithin(statement))
    }
    if (kind === 'InsertStmt' && selectStmt && 'SelectStmt' in selectStmt)
      read.push(...tablesWithin(selectStmt.SelectStmt.fromClause))
  }
  return { changed, read }
}

const tablesWithin = (value: unknown) =>
  nodesWithin(value).flatMap(([kind, node]) => (kind === 'RangeVar' ? [node as RangeVar] : []))

/** Each node of the tree with its kind. */
function nodesWithin(value: unknown): [kind: string, node: object][] {
  if (typeof value !== 'object' || value === null) return []
  const own = Object.entries(value).filter(([key, node]) => /^[A-Z]/.test(key) && typeof node === 'object')
  return [...(own as [string, object][]), ...Object.values(value).flatMap(nodesWithin)]
}
