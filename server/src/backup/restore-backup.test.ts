import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect, test } from 'vitest'
import {
  backUp,
  createEmptyDatabase,
  createFilledDatabase,
  dumpRows,
  makeStore,
  newestSource,
  runSql,
  testMigrations,
} from './backup-testing.ts'
import { restoreBackup } from './restore-backup.ts'

test('what was backed up is there again in an empty database: every row of every table, encrypted in between', async () => {
  const { ownerUrl } = await createFilledDatabase()
  const store = await makeStore()
  const identity = await generateX25519Identity()
  const recipients = [await identityToRecipient(identity)]
  const created = await backUp(ownerUrl, { store, encryption: { kind: 'recipients', recipients } })
  expect(created.rows).toBeGreaterThan(200)
  expect(created.keys).toEqual([{ name: 'signing_key', fingerprint: 'test-signing-key' }])

  const target = await createEmptyDatabase()
  const source = await newestSource(store, { identities: [identity] })
  const { skipped } = await restoreBackup({ ownerUrl: target, source, migrations: await testMigrations })
  expect(skipped).toEqual([])
  const [before, after] = [await dumpRows(ownerUrl), await dumpRows(target)]
  expect(after.agent_logs?.length).toBe(201)
  expect(after).toEqual(before)
  const { rows } = await runSql(
    target,
    `select relforcerowsecurity from pg_class where oid = 'public.agent_logs'::regclass`,
  )
  expect(rows[0].relforcerowsecurity).toBe(true)
})
