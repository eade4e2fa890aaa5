import type { BackupRecord } from './backup-format.ts'
import { isDamaged, type ListedBackup } from './backup-records.ts'

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10)) : 0
  return `${Number((bytes / 2 ** (10 * power)).toPrecision(3))} ${units[power]}`
}

export function formatList(backups: ListedBackup[]): string {
  const rows = backups.map(({ name, bytes, record }) => [
    name,
    formatBytes(bytes),
    record ? (record.encryption === 'none' ? 'not encrypted' : 'encrypted') : 'no record beside it',
    record?.schema_version ?? '',
    describeState({ bytes, record }),
  ])
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}

function describeState(backup: Pick<ListedBackup, 'bytes' | 'record'>): string {
  const { record } = backup
  if (isDamaged(backup)) return 'DAMAGED'
  return record?.verified ? describeVerification(record.verified) : 'never verified'
}

function describeVerification({ at, seconds, keys = [] }: NonNullable<BackupRecord['verified']>): string {
  const unchecked = keys.some(({ state }) => state !== 'opened') ? ', not all keys checked' : ''
  return `verified ${at.slice(0, 16)}Z in ${seconds} s${unchecked}`
}
