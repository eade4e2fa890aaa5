import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestModule } from 'vitest/node'
import type { PostgresBinaries } from '../database/postgres-binaries.ts'

/** What whole files of tests use when the machine has it, by Debian's package names, and what is not tested without it. */
const optionalPackages: [name: string, isThere: () => boolean, untested: string][] = [
  [
    'postgresql-15',
    () => findOldestPostgres() !== null,
    'the database suite on PostgreSQL 15, the oldest that is supported',
  ],
  ['pgbouncer', () => findPgBouncer() !== null, 'the API behind PgBouncer; it was tested without a pooler instead'],
  ['dovecot-imapd', () => findDovecot() !== null, 'reading e-mails from a whole IMAP server'],
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

const untested = 'NOT TESTED: '

/** One line for each thing that the tests of this machine leave out, those included that skipped themselves with such a line. */
export function listUntested(modules: ReadonlyArray<Pick<TestModule, 'children'>>): string[] {
  const missing = optionalPackages.flatMap(([name, isThere, what]) =>
    isThere() ? [] : [`${untested}${what} (${name} is not installed).`],
  )
  const skipped = modules.flatMap((module) =>
    [...module.children.allTests('skipped')].flatMap((test) => {
      const result = test.result()
      const note = result.state === 'skipped' ? result.note : undefined
      return note?.startsWith(untested) ? [note] : []
    }),
  )
  return [...new Set([...missing, ...skipped])]
}

/** Of a test run: says at its very end what was not tested, where nobody overlooks it. */
export class UntestedReporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    for (const line of listUntested(modules)) console.warn(`\u001b[1;33m${line}\u001b[0m`)
  }
}
