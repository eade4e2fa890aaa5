import { createHash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { decodeArchive } from './archive.ts'
import { DamagedBackup, throwIfStopped } from './backup-error.ts'
import {
  type BackupHeader,
  type BackupManifest,
  type BackupRecord,
  type BackupTable,
  headerMember,
  headerSchema,
  manifestMember,
  manifestSchema,
  parseMember,
} from './backup-format.ts'
import type { DecryptionKeys } from './encryption.ts'
import { formatBytes } from './format-list.ts'
import { createPace } from './pace.ts'

/** A backup that can be read more than once. */
export interface BackupSource {
  label: string
  open(): Promise<Readable>
  /** Null when nothing but the backup itself is known. */
  record: BackupRecord | null
  keys: DecryptionKeys
  /** Ends every reading of it. */
  signal?: AbortSignal
}

export type BackupPart =
  | { kind: 'header'; header: BackupHeader }
  | { kind: 'rows'; table: BackupTable; content: Buffer; bytesRead: number }
  | { kind: 'end'; manifest: BackupManifest }

/**
 * The backup in its order. It ends with `end` only when every member has the checksum of the manifest, none is missing
 * and nothing follows; otherwise it throws a `BackupError`, possibly after rows were given.
 */
export async function* readBackup(source: BackupSource): AsyncGenerator<BackupPart> {
  const stored = await source.open()
  const file = createHash('sha256')
  let bytes = 0
  const counted = Readable.from(
    (async function* () {
      for await (const chunk of stored as AsyncIterable<Buffer>) {
        throwIfStopped(source.signal)
        bytes += chunk.length
        file.update(chunk)
        yield chunk
      }
    })(),
    { objectMode: false, highWaterMark: 2 ** 20 },
  )
  let header: BackupHeader | null = null
  let manifest: BackupManifest | null = null
  const sums: Record<string, string> = {}
  try {
    for await (const { name, content } of decodeArchive(counted, source.keys)) {
      throwIfStopped(source.signal)
      if (manifest) throw damaged('something follows its end')
      if (name === manifestMember) {
        manifest = parseMember(manifestSchema, name, content)
        continue
      }
      sums[name] = hash('sha256', content)
      if (!header) {
        if (name !== headerMember) throw damaged('it does not begin with its description')
        header = parseMember(headerSchema, name, content)
        yield { kind: 'header', header }
        continue
      }
      const table = findTable(header, name)
      if (table) yield { kind: 'rows', table, content, bytesRead: bytes }
    }
    if (!header || !manifest) throw damaged('its end is missing')
    checkSums(sums, manifest.sha256)
    if (source.record && (bytes !== source.record.bytes || file.digest('hex') !== source.record.sha256)) {
      throw damaged('it is not the file that was written')
    }
    yield { kind: 'end', manifest }
  } finally {
    stored.destroy()
  }
}

/** Reads a backup to its end. Throws unless it is whole, unchanged and opened by one of the keys; touches nothing. */
export async function checkBackup(
  source: BackupSource,
  onProgress: (text: string) => void = () => {},
): Promise<{ header: BackupHeader; manifest: BackupManifest; bytes: number }> {
  let header: BackupHeader | null = null
  let bytes = 0
  const pace = createPace(onProgress)
  for await (const part of readBackup(source)) {
    if (part.kind === 'header') header = part.header
    else if (part.kind === 'rows') {
      bytes += part.content.length
      pace(() => describeRead(source, part.bytesRead))
    } else if (header) return { header, manifest: part.manifest, bytes }
  }
  throw damaged('its end is missing')
}

/** How much of the file was read, for people. */
export function describeRead({ record }: BackupSource, bytesRead: number): string {
  if (!record) return `${formatBytes(bytesRead)} read`
  return `${Math.floor((100 * bytesRead) / Math.max(1, record.bytes))} % of ${formatBytes(record.bytes)} read`
}

function damaged(how: string): DamagedBackup {
  return new DamagedBackup(`The backup is damaged: ${how}.`)
}

function findTable(header: BackupHeader, member: string): BackupTable | undefined {
  const [, qualified] = /^data\/(.+)\/\d+\.copy$/.exec(member) ?? []
  if (qualified === undefined) return undefined
  const table = header.tables.find(({ schema, name }) => `${schema}.${name}` === qualified)
  if (!table) throw damaged(`it has rows of ${qualified} and no description of it`)
  return table
}

function checkSums(found: Record<string, string>, expected: Record<string, string>): void {
  for (const [name, sum] of Object.entries(expected)) {
    if (found[name] === undefined) throw damaged(`${name} is missing`)
    if (found[name] !== sum) throw damaged(`${name} has another checksum than when it was written`)
  }
  for (const name of Object.keys(found))
    if (expected[name] === undefined) throw damaged(`${name} does not belong to it`)
}
