import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import { addEncryptionKey, dropKey, restoreAccounts, rotateKeys, verifyKeys } from '../crypto/change-keys.ts'
import { loadKeyring } from '../crypto/load-keyring.ts'
import { createLog } from '../log.ts'
import { secretStores } from '../secret-stores.ts'
import { createTestDatabase } from '../testing/test-app.ts'
import { changeCredentials, readIntegration } from './change-credentials.ts'
import { connectIntegration } from './change-integration.ts'
import { markFailing } from './integration-queries.ts'
import type { IntegrationServices } from './integration-services.ts'
import { createLocalUrlGuard } from './integration-type-testing.ts'
import { readTokens } from './stored-credentials.ts'
import { webhookType } from './types/webhook/webhook-type.ts'

test('tokens, registered clients and signing secrets are rotated and verified like any other secret, also when refused', async () => {
  const testDatabase = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'agentexpress-rotate-'))
  onTestFinished(async () => {
    await testDatabase.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const { database } = testDatabase
  const config = { encryptionKeys: undefined, dataDir }
  const log = createLog('silent')
  const keyring = await loadKeyring({ config, database, stores: secretStores, log }, () => {})
  const services: IntegrationServices = {
    config: { publicUrl: undefined, oauthClients: {} },
    database,
    keyring,
    log,
    urlGuard: createLocalUrlGuard(),
    integrationTypes: [webhookType],
  }
  const owner = await testDatabase.createUser()
  const { userAgentId } = await insertTestUserAgent(database, owner.id)
  const { row, madeCredentials } = await connectIntegration(services, owner.claims, userAgentId, {
    type: 'webhook',
    settings: { url: 'https://hooks.example.com' },
    credentials: {},
  })
  const key = { integrationId: row.id, ownerId: owner.id }
  const oauth = {
    token_endpoint: 'https://id.example.com/token',
    client_id: 'registered-client',
    client_secret: 'planted-client-secret',
    client_authentication: 'client_secret_basic',
    access_token: 'planted-access-token',
    refresh_token: 'planted-refresh-token',
  }
  await changeCredentials(services, key, async ({ credentials }) => ({
    credentials: { ...credentials, oauth, registered: { client_secret: 'planted-client-secret' } },
    result: null,
  }))
  // As after a 401 or 410: it waits for its owner, and a test or new tokens may make it work again.
  await database.asSystem('a test lets a provider refuse', (tx) =>
    markFailing(tx, row.id, { failure: 'refused', needsReconnect: true }),
  )
  const before = await readIntegration(services, key)
  expect(before.credentials.secret).toBe(madeCredentials.secret)

  const work = { config, database, stores: secretStores, say: () => {}, onProgress: () => {} }
  const former = before.row.credentials_key_id ?? ''
  await addEncryptionKey(work)
  await rotateKeys(work)
  const verified = await verifyKeys(work)
  expect(verified).toMatchObject({ givenUp: 0, stillGivenUp: 0, restorable: 0, withoutKey: new Map() })
  expect([...verified.readable.values()]).toEqual([1])
  expect(await restoreAccounts(work)).toBe(0)
  expect(await dropKey(work, former)).toEqual({ erased: 0 })

  const after = await readIntegration(services, key)
  expect(after.row.credentials_key_id).not.toBe(former)
  expect(after.row.credentials).not.toEqual(before.row.credentials)
  expect(after.credentials).toEqual(before.credentials)
  expect(readTokens(after.credentials)).toEqual(oauth)
  expect(after.row).toMatchObject({ status: 'reconnect', failure: 'refused', failing_since: before.row.failing_since })
  expect(JSON.stringify(after.row)).not.toContain('planted')
})
