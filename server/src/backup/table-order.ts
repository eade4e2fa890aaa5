import { BackupError } from './backup-error.ts'

/** Tables so that each comes after those it refers to (`from` refers to `to`, as `schema.name`); else as they came. */
export function orderByForeignKeys<T extends { schema: string; name: string }>(
  tables: T[],
  foreignKeys: { from: string; to: string }[],
): T[] {
  const nameOf = ({ schema, name }: T) => `${schema}.${name}`
  const waiting = new Map(tables.map((table) => [nameOf(table), table]))
  const ordered: T[] = []
  while (waiting.size > 0) {
    const free = [...waiting].filter(([name]) => !foreignKeys.some(({ from, to }) => from === name && waiting.has(to)))
    if (free.length === 0) {
      throw new BackupError(
        `The tables ${[...waiting.keys()].join(', ')} refer to each other in a circle; a backup of them could not be loaded.`,
      )
    }
    for (const [name, table] of free) {
      ordered.push(table)
      waiting.delete(name)
    }
  }
  return ordered
}
