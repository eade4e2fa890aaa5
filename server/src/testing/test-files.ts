import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

/** These read or start no shared database, so that another version of it would change nothing. */
const withoutDatabase = ['database/tests/embedded.test.ts', 'database/tests/migrations-lint.test.ts']

/**
 * The test files by what they need, as paths in the project. `api`: they open the whole server on a database of their own,
 * by `createTestApp`, and know nothing of how it is reached. `database`: SQL itself, to be run on every supported
 * PostgreSQL. Found by their content, so that no list can forget one.
 */
export function testFiles(): { api: string[]; database: string[]; rest: string[] } {
  const files = globSync(['{server/src,web/src,api-client}/**/*.test.ts', 'database/tests/*.test.ts'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  }).sort()
  const api: string[] = []
  const database: string[] = []
  const rest: string[] = []
  for (const file of files) {
    const text = readWithFixtures(file)
    if (withoutDatabase.includes(file)) rest.push(file)
    else if (file.startsWith('database/tests/') && !/-isolation\.test\.ts$/.test(file)) database.push(file)
    else if (/\bcreateTestApp\(/.test(text)) api.push(file)
    else if (/\bcreateTestDatabase\(/.test(text) && /\/(database|agent-logs|usage)\//.test(file)) database.push(file)
    else rest.push(file)
  }
  return { api, database, rest }
}

/** The test and the fixtures beside it, which may be what opens the server. */
function readWithFixtures(file: string): string {
  const text = readFileSync(join(root, file), 'utf8')
  const fixtures = [...text.matchAll(/from '(\.[^']*-(?:testing|fixtures)\.ts)'/g)].map(([, path = '']) =>
    join(root, dirname(file), path),
  )
  return [text, ...fixtures.map((path) => readFileSync(path, 'utf8'))].join('\n')
}
