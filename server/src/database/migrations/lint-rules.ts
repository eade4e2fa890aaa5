import type { Node, RangeVar } from 'libpg-query'

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
  guard:
    'What keeps users from more than is theirs stays: put the same back in this migration, set search_path where a function is SECURITY DEFINER.',
  'open-to-all': 'Name a role other than anon and public, and a condition; or say why everybody may.',
  'past-policies':
    'Policies bind the owner as well, who would find no rows: write it between "no force row level security" and "force row level security" of each table it reads or changes.',
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
  isPartitioned(table: string): boolean
  /** Whether this migration makes what guards as a dropped "trigger name on table" or "restrictive name on table" did. */
  hasSuccessor(guard: string): boolean
  /** Tables whose policies do not bind the owner at this statement. */
  unforced: Set<string>
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

export const harmlessDrops = new Set(['OBJECT_INDEX', 'OBJECT_TRIGGER', 'OBJECT_STATISTIC_EXT', 'OBJECT_RULE'])
const onTable = new Set(['OBJECT_POLICY', 'OBJECT_TRIGGER', 'OBJECT_RULE'])
const tableDrops = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW'])

/** What stands after DROP; a policy or trigger as "name on table". */
export function listDropped({ objects, removeType = '' }: { objects?: Node[]; removeType?: string }) {
  return (objects ?? []).map((node) => {
    const name = nameOf(node)
    if (onTable.has(removeType)) return { isTable: false, name: nameOnTable(name) }
    const isTable = tableDrops.has(removeType)
    return { isTable, name: isTable && !name.includes('.') ? `public.${name}` : name }
  })
}

export function nameOf(node: Node): string {
  if ('List' in node) return joinName(node.List.items)
  if ('ObjectWithArgs' in node) return joinName(node.ObjectWithArgs.objname)
  return joinName('TypeName' in node ? node.TypeName.names : [node])
}

/** PostgreSQL's parser puts the table first: "schema.table.policy". */
function nameOnTable(name: string): string {
  const parts = name.split('.')
  return `${parts.pop()} on ${parts.length > 1 ? parts.join('.') : `public.${parts.join('.')}`}`
}
