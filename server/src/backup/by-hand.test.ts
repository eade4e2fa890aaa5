import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect, test } from 'vitest'
import { deployMigrations } from '../database/migrate.ts'
import {
  backUp,
  createEmptyDatabase,
  createFilledDatabase,
  dumpRows,
  makeFolder,
  makeStore,
  testMigrations,
} from './backup-testing.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

/** The commands under the heading, as a reader would paste them. */
async function readCommands(): Promise<string> {
  const text = await readFile(join(root, 'docs/backups.md'), 'utf8')
  const [, commands] = /## Restoring by hand[\s\S]*?```sh\n([\s\S]*?)```/.exec(text) ?? []
  if (!commands) throw new Error('docs/backups.md has no commands under "Restoring by hand"')
  return commands
}

test('the commands of docs/backups.md restore a backup without this program', { timeout: 120_000 }, async ({
  skip,
}) => {
  for (const tool of ['age', 'zstd', 'tar', 'psql']) {
    await run('sh', ['-c', `command -v ${tool}`]).catch(() =>
      skip(
        `NOT TESTED: restoring by hand (${tool} is not installed; Debian: apt-get install age zstd postgresql-client).`,
      ),
    )
  }
  const { ownerUrl } = await createFilledDatabase(100)
  const store = await makeStore()
  const identity = await generateX25519Identity()
  const recipients = [await identityToRecipient(identity)]
  const { record } = await backUp(ownerUrl, { store, encryption: { kind: 'recipients', recipients } })
  const folder = await makeFolder()
  const target = await createEmptyDatabase()
  await run('sh', ['-c', `cp "$STORE/${record.name}" backup.tar.zst.age; printf '%s\\n' "$IDENTITY" > identity.txt`], {
    cwd: folder,
    env: { ...process.env, STORE: store.label, IDENTITY: identity },
  })
  await run('sh', ['-e', '-c', await readCommands()], { cwd: folder, env: { ...process.env, TARGET: target } })
  expect(await readdir(join(folder, 'restored'))).toEqual(
    expect.arrayContaining(['backup.json', 'data', 'load.sql', 'manifest.json', 'migrations']),
  )
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
  // This program finds a database it can go on with.
  expect(await deployMigrations(target, await testMigrations)).toEqual([])
})
