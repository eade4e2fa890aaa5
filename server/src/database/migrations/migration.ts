export interface Migration {
  name: string
  up: string
  down: string
  /** SHA-256 of migration.sql, as Prisma computes it. */
  checksum: string
}

export class MigrationError extends Error {
  override name = 'MigrationError'
}

const marker = /^-- Without a transaction:(.*)/

/**
 * Whether the first line of migration.sql marks it as one whose statements run one by one, because PostgreSQL refuses
 * some of them in a transaction (CREATE INDEX CONCURRENTLY). Throws when the mark has no reason.
 */
export function runsWithoutTransaction({ name, up }: Pick<Migration, 'name' | 'up'>): boolean {
  const reason = marker.exec(up)?.[1]?.trim()
  if (reason === '') {
    throw new MigrationError(
      `The migration ${name} does not say why it runs without a transaction: "-- Without a transaction: <reason>".`,
    )
  }
  return reason !== undefined
}

/** The comment lines that a file begins with, without their dashes. */
function readOpeningComment(sql: string): string[] {
  const lines: string[] = []
  for (const line of sql.split('\n')) {
    if (!line.startsWith('--')) break
    lines.push(line.replace(/^--\s?/, '').trim())
  }
  return lines
}

/** What the migration says it does, or else why it runs without a transaction; null when it begins with no comment. */
export function describeMigration({ up }: Pick<Migration, 'up'>): string | null {
  const [first, second] = readOpeningComment(up)
  const reason = marker.exec(up)?.[1]?.trim()
  return (reason === undefined ? first : (second ?? reason)) || null
}

/** What `down.sql` says in its opening comment, "Loses:" first and then "Keeps:"; null where it does not say it. */
export function readDownHeader({ down }: Pick<Migration, 'down'>): { loses: string | null; keeps: string | null } {
  const comment = readOpeningComment(down).join(' ')
  const match = /^Loses:\s*(.*?)\s*(?:\bKeeps:\s*(.*?)\s*)?$/.exec(comment)
  return { loses: match?.[1] || null, keeps: match?.[2] || null }
}

/**
 * The tables ("plans") and columns ("plans.tool_limit") that `down.sql` says it takes away: what stands in backquotes after
 * "Loses:". Those of schema public without it.
 */
export function readLostNames(migration: Pick<Migration, 'down'>): string[] {
  return [...(readDownHeader(migration).loses ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

/** Answers the reason of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
