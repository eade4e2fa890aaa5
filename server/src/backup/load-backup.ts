import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { BackupError, reasonOf, throwIfStopped } from './backup-error.ts'
import type { BackupHeader, BackupManifest, BackupTable } from './backup-format.ts'
import { makeLoadable } from './make-loadable.ts'
import { createPace } from './pace.ts'
import { type BackupSource, describeRead, readBackup } from './read-backup.ts'
import { RowChecksum } from './row-checksum.ts'
import { columnList, copyOutStatement, dataSchemas, quoteTable, readTables } from './snapshot.ts'

export interface LoadedBackup {
  header: BackupHeader
  manifest: BackupManifest
  /** Tables that are no part of AgentExpress: the migrations do not make them, so that their rows have no place. */
  skipped: string[]
}

/** One sentence when there are any. */
export function describeSkipped(skipped: string[]): string[] {
  if (skipped.length === 0) return []
  return [
    `Not part of AgentExpress and not restored: ${skipped.join(', ')}. Their rows are in data/ of the backup, see docs/backups.md.`,
  ]
}

/**
 * Loads all rows in the present transaction of `client`, into tables that the migrations of the backup have made, then
 * reads every table again and compares count and checksum. Throws when anything differs; the caller rolls back.
 */
export async function loadBackup(
  client: pg.Client,
  source: BackupSource,
  onProgress: (text: string) => void,
): Promise<LoadedBackup> {
  let header: BackupHeader | null = null
  let manifest: BackupManifest | null = null
  let present = new Set<string>()
  let putBack: string[] = []
  const checksums = new Map<string, RowChecksum>()
  let copying = null as { name: string; copy: CopyIn } | null
  const pace = createPace(onProgress)
  for await (const part of readBackup(source)) {
    if (part.kind === 'header') {
      header = part.header
      present = new Set((await readTables(client, dataSchemas)).map(qualify))
      const tables = header.tables.filter((table) => present.has(qualify(table)))
      putBack = await makeLoadable(client, header, tables)
      for (const table of tables) checksums.set(qualify(table), new RowChecksum())
    } else if (part.kind === 'rows') {
      const name = qualify(part.table)
      const checksum = checksums.get(name)
      if (!checksum) continue
      if (copying?.name !== name) {
        await copying?.copy.end()
        onProgress(`loading ${name}`)
        copying = { name, copy: openCopyIn(client, part.table) }
      }
      checksum.add(part.content)
      await copying.copy.write(part.content)
      pace(() => describeRead(source, part.bytesRead))
    } else {
      manifest = part.manifest
    }
  }
  await copying?.copy.end()
  if (!header || !manifest) throw new BackupError('The backup is damaged: its end is missing.')
  for (const { schema, name, last_value, is_called } of manifest.sequences) {
    await client.query('select setval(to_regclass($1), $2, $3) where to_regclass($1) is not null', [
      quoteTable({ schema, name }),
      last_value,
      is_called,
    ])
  }
  // Before row-level security is back: the owner may be under it too and would find nothing.
  await compare(client, header, manifest, { expected: checksums, onProgress, signal: source.signal })
  await putThingsBack(client, putBack, { onProgress, signal: source.signal })
  return { header, manifest, skipped: header.tables.map(qualify).filter((name) => !present.has(name)) }
}

function qualify({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`
}

interface CopyIn {
  write(content: Buffer): Promise<void>
  end(): Promise<void>
}

function openCopyIn(client: pg.Client, table: BackupTable): CopyIn {
  const stream = client.query(copyFrom(`copy ${quoteTable(table)} (${columnList(table)}) from stdin`))
  const failed = new Promise<never>((_resolve, reject) => {
    stream.on('error', (cause: unknown) =>
      reject(new BackupError(`The rows of ${table.name} could not be loaded: ${reasonOf(cause)}`, { cause })),
    )
  })
  failed.catch(() => {})
  // What failed comes first: pg-copy-streams forgets its connection then, and the next write throws for want of it.
  const settle = (work: (done: () => void) => void) => Promise.race([failed, new Promise<void>(work)])
  return {
    write: (content) => settle((done) => stream.write(content, (error) => error ?? done())),
    end: () => settle((done) => stream.end(done)),
  }
}

interface Telling {
  onProgress: (text: string) => void
  signal: AbortSignal | undefined
}

/** Indexes, keys, triggers and row-level security, which `makeLoadable` took away. */
async function putThingsBack(client: pg.Client, statements: string[], { onProgress, signal }: Telling): Promise<void> {
  onProgress('making indexes and keys')
  const pace = createPace(onProgress)
  for (const [at, statement] of statements.entries()) {
    throwIfStopped(signal)
    pace(() => `${at} of ${statements.length} made`)
    await client.query(statement)
  }
}

/** The rows as they are read out of the database now are those that were put in. */
async function compare(
  client: pg.Client,
  header: BackupHeader,
  manifest: BackupManifest,
  { expected, onProgress, signal }: Telling & { expected: Map<string, RowChecksum> },
): Promise<void> {
  onProgress('comparing counts and checksums')
  const pace = createPace(onProgress)
  for (const table of header.tables) {
    const name = qualify(table)
    const loaded = expected.get(name)
    if (!loaded) continue
    const found = new RowChecksum()
    for await (const chunk of client.query(copyTo(copyOutStatement(table))) as AsyncIterable<Buffer>) {
      throwIfStopped(signal)
      found.add(chunk)
      pace(() => `${name}: ${found.rows} of ${loaded.rows} rows compared`)
    }
    const rows = manifest.tables.find((entry) => qualify(entry) === name)?.rows
    if (loaded.rows !== rows || found.rows !== rows) {
      throw new BackupError(`${name}: ${rows} rows were backed up, ${found.rows} arrived.`)
    }
    if (loaded.toString() !== found.toString()) {
      throw new BackupError(`${name}: the rows that arrived differ from those backed up.`)
    }
  }
}
