import { z } from 'zod'
import { BackupError } from './backup-error.ts'

/**
 * A backup is a tar, compressed with zstd, encrypted with age. Its members, in this order: `backup.json` (header),
 * `load.sql` and `migrations/` (for a restore by hand), `data/<schema>.<table>/<number>.copy` (rows as COPY writes them
 * in text format, tables in the order of their foreign keys), `manifest.json` (counts and checksums).
 */
export const formatVersion = 1
export const headerMember = 'backup.json'
export const manifestMember = 'manifest.json'
export const loadScriptMember = 'load.sql'

const tableSchema = z.object({ schema: z.string(), name: z.string(), columns: z.array(z.string()).min(1) })

export const headerSchema = z.object({
  format: z.literal(formatVersion),
  name: z.string(),
  created_at: z.iso.datetime(),
  agentexpress: z.string(),
  postgres: z.string(),
  /** The newest migration the database had. */
  schema_version: z.string(),
  migrations: z.array(z.object({ name: z.string(), checksum: z.string() })).min(1),
  tables: z.array(tableSchema),
  /** Lower bounds of the months that have a partition of `agent_logs`. */
  log_months: z.array(z.iso.date()),
  /** Fingerprints of the keys this database belongs to; the keys are not in the backup. */
  keys: z.array(z.object({ name: z.string(), fingerprint: z.string() })),
  /** One sealed text for each encryption key that was at hand; backups of before have none. */
  canaries: z.array(z.object({ fingerprint: z.string(), sealed: z.record(z.string(), z.string()) })).default(() => []),
})

/** What became of an encryption key that the database of a backup knows. */
export const keyCheckSchema = z.object({
  fingerprint: z.string(),
  /** `no_key`: not on the machine that looked. `nothing_sealed`: there, and neither a canary nor an account to open. */
  state: z.enum(['opened', 'no_key', 'nothing_sealed']),
})

export const manifestSchema = z.object({
  tables: z.array(
    z.object({
      schema: z.string(),
      name: z.string(),
      rows: z.number().int().nonnegative(),
      bytes: z.number().int().nonnegative(),
    }),
  ),
  sequences: z.array(
    z.object({ schema: z.string(), name: z.string(), last_value: z.string(), is_called: z.boolean() }),
  ),
  /** Hash of the newest entry of the audit log, for `npm run audit -- verify --head`; null while there is none. */
  audit_head: z.string().nullable().optional(),
  /** SHA-256 of every member but this one, by name. */
  sha256: z.record(z.string(), z.string()),
})

/** What is known of a backup without opening it; kept beside it as `<name>.json`. */
export const recordSchema = z.object({
  name: z.string(),
  created_at: z.iso.datetime(),
  bytes: z.number().int().nonnegative(),
  /** Of the whole file as it is stored. */
  sha256: z.string(),
  encryption: z.enum(['recipients', 'passphrase', 'none']),
  schema_version: z.string(),
  agentexpress: z.string(),
  postgres: z.string(),
  verified: z
    .object({
      at: z.iso.datetime(),
      postgres: z.string(),
      seconds: z.number(),
      /** Missing where nobody looked. */
      keys: z.array(keyCheckSchema).optional(),
    })
    .nullable(),
  /** What the last verification found, when it was damage; `verified` is null then, whatever an earlier one said. */
  damaged: z.object({ at: z.iso.datetime(), reason: z.string() }).optional(),
})

export type KeyCheck = z.infer<typeof keyCheckSchema>
export type BackupHeader = z.infer<typeof headerSchema>
export type BackupManifest = z.infer<typeof manifestSchema>
export type BackupRecord = z.infer<typeof recordSchema>
export type BackupTable = z.infer<typeof tableSchema>

const namePattern = /^agentexpress-\d{8}T\d{9}Z\.tar\.zst(\.age)?$/

export function isBackupName(name: string): boolean {
  return namePattern.test(name)
}

/** Sorts by time when sorted as text. */
export function makeBackupName(time: Date, isEncrypted: boolean): string {
  return `agentexpress-${time.toISOString().replace(/[-:.]/g, '')}.tar.zst${isEncrypted ? '.age' : ''}`
}

export function readBackupTime(name: string): Date {
  const [, date = '', time = ''] = /-(\d{8})T(\d{9})Z/.exec(name) ?? []
  const digits = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].join('-')
  return new Date(`${digits}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4, 6)}.${time.slice(6)}Z`)
}

export function parseMember<T>(schema: z.ZodType<T>, member: string, content: Buffer): T {
  try {
    return schema.parse(JSON.parse(content.toString('utf8')))
  } catch (cause) {
    if (member === headerMember && isNewerFormat(content)) {
      throw new BackupError('This backup was made by a newer AgentExpress. Restore it with that version.', { cause })
    }
    throw new BackupError(`The backup's ${member} is not what AgentExpress writes.`, { cause })
  }
}

function isNewerFormat(content: Buffer): boolean {
  try {
    return Number(JSON.parse(content.toString('utf8')).format) > formatVersion
  } catch {
    return false
  }
}
