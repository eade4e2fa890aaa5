import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

/**
 * `embedded` tests the PostgreSQL that npm installs, which there is in one version alone; the linter and the format of
 * encrypted files ask no database at all.
 */
const withoutDatabase = [
  'database/tests/embedded.test.ts',
  'database/tests/migrations-lint.test.ts',
  'server/src/backup/encryption.test.ts',
]

/** Whose SQL is to be run on every supported PostgreSQL. */
const sqlFolders = /^server\/src\/(agent-logs|audit-log|backup|crypto|database|limits|usage)\//

/**
 * What takes ten seconds to a minute each, for little that depends on the version: CI, which has fifteen minutes, runs them
 * on the embedded one alone.
 */
const tooLongForCi = [
  'database/tests/http-isolation.test.ts',
  'database/tests/migration-processes.test.ts',
  'database/tests/migrations-each-way.test.ts',
  'database/tests/plans-at-scale.test.ts',
  'server/src/agent-logs/export-agent-logs.test.ts',
  'server/src/backup/backup-alert.test.ts',
  'server/src/backup/backup-command.test.ts',
  'server/src/backup/backup-schedule.test.ts',
  'server/src/backup/canary.test.ts',
  'server/src/backup/create-backup.test.ts',
  'server/src/backup/damage.test.ts',
  'server/src/backup/memory.test.ts',
  'server/src/backup/restore-backup.test.ts',
  'server/src/backup/s3-store.test.ts',
  'server/src/backup/verify-backup.test.ts',
  'server/src/crypto/change-keys.test.ts',
  'server/src/limits/killed-server.test.ts',
  'server/src/limits/require-in-plan.test.ts',
  'server/src/limits/run-limits.test.ts',
]

export interface TestFiles {
  /** They open the whole server on a database of their own, by `createTestApp`, and know nothing of how it is reached. */
  api: string[]
  /** All others but those of `database`. */
  rest: string[]
  /** SQL itself, without a server before it. */
  database: string[]
  /** What is run on the oldest supported PostgreSQL as well: `database`, and tests of `api` whose subject is the database. */
  oldest: string[]
  /** The part of `oldest` that CI has the time for. */
  oldestOnCi: string[]
}

/** The test files by what they need, as paths in the project. Found by their content, so that no list can forget one. */
export function testFiles(): TestFiles {
  const files = globSync(['{server/src,web/src,api-client}/**/*.test.ts', 'database/tests/*.test.ts'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  }).sort()
  const gone = [...withoutDatabase, ...tooLongForCi].filter((file) => !files.includes(file))
  if (gone.length > 0) throw new Error(`test-files.ts names files that are not there: ${gone.join(', ')}`)
  const api: string[] = []
  const database: string[] = []
  const rest: string[] = []
  for (const file of files) {
    const text = readWithFixtures(file)
    if (withoutDatabase.includes(file)) rest.push(file)
    else if (file.startsWith('database/tests/') && !/-isolation\.test\.ts$/.test(file)) database.push(file)
    else if (/\bcreateTestApp\(/.test(text)) api.push(file)
    else if (/\bcreateTestDatabase\(/.test(text) && sqlFolders.test(file)) database.push(file)
    else rest.push(file)
  }
  const saysSomethingOfSql = (file: string) =>
    file.startsWith('database/tests/') || (sqlFolders.test(file) && !file.endsWith('-routes.test.ts'))
  const oldest = [...database, ...api.filter(saysSomethingOfSql)]
  return { api, rest, database, oldest, oldestOnCi: oldest.filter((file) => !tooLongForCi.includes(file)) }
}

/** The test and the fixtures beside it, which may be what opens the server. */
function readWithFixtures(file: string): string {
  const text = readFileSync(join(root, file), 'utf8')
  const fixtures = [...text.matchAll(/from '(\.[^']*-(?:testing|fixtures)\.ts)'/g)].map(([, path = '']) =>
    join(root, dirname(file), path),
  )
  return [text, ...fixtures.map((path) => readFileSync(path, 'utf8'))].join('\n')
}
