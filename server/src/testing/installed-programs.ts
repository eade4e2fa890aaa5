import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { PostgresBinaries } from '../database/postgres-binaries.ts'

/** What some tests use when the machine has it, by Debian's package names, and what is not tested without it. */
const optionalPackages: [name: string, isThere: () => boolean, untested: string][] = [
  [
    'postgresql-15',
    () => findOldestPostgres() !== null,
    'the database suite on PostgreSQL 15, the oldest that is supported',
  ],
  ['pgbouncer', () => findPgBouncer() !== null, 'the API behind PgBouncer; it was tested without a pooler instead'],
  ['age', () => findProgram('age') !== null, 'backups opened by hand with the age command'],
  ['dovecot-imapd', () => findDovecot() !== null, 'reading e-mails from a whole IMAP server'],
  ['zstd', () => findProgram('zstd') !== null, 'backups opened by hand with the zstd command'],
]

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function findProgram(name: string, folders: string[] = []): string | null {
  // biome-ignore lint/style/noProcessEnv: where the tests' machine keeps its programs is no setting of the server.
  const path = (process.env.PATH ?? '').split(delimiter)
  return [...path, ...folders].map((folder) => join(folder, name)).find(isExecutable) ?? null
}

/** The programs of PostgreSQL 15 where Debian and Ubuntu put them; null where it is not installed. */
export function findOldestPostgres(): PostgresBinaries | null {
  const folder = '/usr/lib/postgresql/15/bin'
  const binaries = { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') }
  return isExecutable(binaries.postgres) && isExecutable(binaries.initdb) ? binaries : null
}

/** Debian keeps it where only root's PATH looks. */
export function findPgBouncer(): string | null {
  return findProgram('pgbouncer', ['/usr/sbin', '/usr/local/sbin'])
}

/** Debian keeps it where only root's PATH looks. */
export function findDovecot(): string | null {
  return findProgram('dovecot', ['/usr/sbin', '/usr/local/sbin'])
}

/** One line for each thing that the tests of this machine leave out. */
export function listUntested(): string[] {
  return optionalPackages.flatMap(([name, isThere, untested]) =>
    isThere() ? [] : [`NOT TESTED: ${untested} (${name} is not installed).`],
  )
}

/** Of a test run: says at its very end what was not tested, where nobody overlooks it. */
export class UntestedReporter {
  onTestRunEnd(): void {
    for (const line of listUntested()) console.warn(`\u001b[1;33m${line}\u001b[0m`)
  }
}
