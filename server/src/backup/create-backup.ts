import { createHash, hash } from 'node:crypto'
import { finished, pipeline, type Readable, Transform } from 'node:stream'
import type { KeySet } from '../crypto/key-set.ts'
import type { Migration } from '../database/migrate.ts'
import { encodeArchive, type Member } from './archive.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import {
  type BackupHeader,
  type BackupManifest,
  type BackupRecord,
  formatVersion,
  headerMember,
  loadScriptMember,
  makeBackupName,
  manifestMember,
} from './backup-format.ts'
import { removeRecord, writeRecord } from './backup-records.ts'
import type { BackupStore } from './backup-store.ts'
import { sealCanaries } from './canary.ts'
import type { Encryption } from './encryption.ts'
import { formatBytes } from './format-list.ts'
import { makeLoadScript } from './load-script.ts'
import { createPace } from './pace.ts'
import { cutRows } from './read-members.ts'
import { openSnapshot, type Snapshot } from './snapshot.ts'

export interface CreatedBackup {
  record: BackupRecord
  rows: number
  /** Of the rows, before compression. */
  rowBytes: number
  keys: BackupHeader['keys']
  canaries: BackupHeader['canaries']
}

interface CreateOptions {
  ownerUrl: string
  store: BackupStore
  encryption: Encryption
  migrations: Migration[]
  agentexpress: string
  /** The encryption keys of this machine, for the canaries; asked when the snapshot is taken. */
  readKeys?: () => Promise<KeySet | null>
  onProgress?: (text: string) => void
  signal?: AbortSignal
  now?: Date
}

/** One consistent snapshot of the database into the store, while the system runs. Memory does not grow with the data. */
export async function createBackup(options: CreateOptions): Promise<CreatedBackup> {
  const { ownerUrl, store, encryption, agentexpress, readKeys, now = new Date() } = options
  const name = makeBackupName(now, encryption.kind !== 'none')
  if ((await store.list()).some((file) => file.name === name))
    throw new BackupError(`There is a backup ${name} already.`)
  const snapshot = await openSnapshot(ownerUrl, options)
  try {
    // A damaged key file must not keep the rows from being saved; what has no canary is said.
    const keySet = (await readKeys?.().catch(() => null)) ?? null
    const canaries = await sealCanaries(keySet, { name, keys: snapshot.keys })
    const header = describeSnapshot(snapshot, { name, agentexpress, canaries, now })
    const manifest: BackupManifest = { tables: [], sequences: [], audit_head: snapshot.auditHead, sha256: {} }
    const members = checksummed(readMembers(snapshot, header, manifest, options), manifest)
    const stored = measure(await encodeArchive(members, encryption))
    await store.write(name, stored.stream)
    const record: BackupRecord = {
      name,
      created_at: header.created_at,
      bytes: stored.bytes(),
      sha256: stored.sha256(),
      encryption: encryption.kind,
      schema_version: header.schema_version,
      agentexpress,
      postgres: header.postgres,
      verified: null,
    }
    await writeRecord(store, record).catch(async (error: unknown) => {
      // A backup counts with its record: without the checksum in it, damage would show at the restore only.
      await store.remove(name).catch(() => {})
      await removeRecord(store, name).catch(() => {})
      throw error
    })
    return {
      record,
      rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
      rowBytes: manifest.tables.reduce((sum, { bytes }) => sum + bytes, 0),
      keys: header.keys,
      canaries,
    }
  } finally {
    await snapshot.close().catch(() => {})
  }
}

function describeSnapshot(
  { migrations, tables, logMonths, keys, postgres }: Snapshot,
  { name, agentexpress, canaries, now }: Pick<BackupHeader, 'name' | 'agentexpress' | 'canaries'> & { now: Date },
): BackupHeader {
  return {
    format: formatVersion,
    name,
    created_at: now.toISOString(),
    agentexpress,
    postgres,
    schema_version: migrations.at(-1)?.name ?? '',
    migrations,
    tables,
    log_months: logMonths,
    keys,
    canaries,
  }
}

async function* readMembers(
  snapshot: Snapshot,
  header: BackupHeader,
  manifest: BackupManifest,
  { migrations, onProgress = () => {}, signal }: Pick<CreateOptions, 'migrations' | 'onProgress' | 'signal'>,
): AsyncGenerator<Member> {
  const pace = createPace(onProgress)
  yield { name: headerMember, content: toJson(header) }
  yield { name: loadScriptMember, content: Buffer.from(makeLoadScript(header)) }
  for (const { name, checksum } of header.migrations) {
    const file = migrations.find((migration) => migration.name === name && migration.checksum === checksum)
    if (!file) {
      throw new BackupError(
        `The database has the migration ${name}, which this version does not know or has in another form. Make the backup with the version that runs.`,
      )
    }
    yield { name: `migrations/${name}/migration.sql`, content: Buffer.from(file.up) }
  }
  for (const table of header.tables) {
    const rows = snapshot.readRows(table)
    let bytes = 0
    let number = 0
    try {
      for await (const content of cutRows(rows)) {
        signal?.throwIfAborted()
        bytes += content.length
        number++
        const soFar = bytes
        pace(() => `${table.schema}.${table.name}: ${formatBytes(soFar)} read`)
        const file = String(number).padStart(6, '0')
        yield { name: `data/${table.schema}.${table.name}/${file}.copy`, content }
      }
      await commandEnd(rows)
    } catch (cause) {
      if (signal?.aborted) throw new BackupError('The backup was stopped; nothing was kept of it.', { cause })
      if (cause instanceof BackupError) throw cause
      throw new BackupError(`The rows of ${table.name} could not be read: ${reasonOf(cause)}`, { cause })
    }
    manifest.tables.push({ schema: table.schema, name: table.name, rows: rows.rowCount, bytes })
  }
  manifest.sequences = await snapshot.readSequences()
  yield { name: manifestMember, content: toJson(manifest) }
}

/** The count of rows comes with the end of the command, after the last row. */
async function commandEnd(rows: Readable): Promise<void> {
  if (rows.closed) return
  await new Promise<void>((resolve, reject) => finished(rows, (error) => (error ? reject(error) : resolve())))
}

async function* checksummed(members: AsyncIterable<Member>, manifest: BackupManifest): AsyncGenerator<Member> {
  for await (const member of members) {
    if (member.name !== manifestMember) manifest.sha256[member.name] = hash('sha256', member.content)
    yield member
  }
}

function toJson(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`)
}

function measure(source: Readable): { stream: Readable; bytes(): number; sha256(): string } {
  const sum = createHash('sha256')
  let bytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      sum.update(chunk)
      done(null, chunk)
    },
  })
  stream.on('error', () => {})
  source.on('error', () => {})
  pipeline(source, stream, () => {})
  return { stream, bytes: () => bytes, sha256: () => sum.digest('hex') }
}
