import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../config.ts'
import { loadKeyring } from '../crypto/load-keyring.ts'
import { changeCredentials } from '../integrations/change-credentials.ts'
import { createTestIntegrations } from '../integrations/integration-testing.ts'
import { openapiType } from '../integrations/types/openapi/openapi-type.ts'
import { createLog } from '../log.ts'
import { secretStores } from '../secret-stores.ts'
import { closeAfterTest, createTestDatabase } from '../testing/test-app.ts'
import { serve } from '../url-guard/url-guard-testing.ts'
import { usersCommand } from './users-command.ts'

test('an erasure by the operator takes back what providers gave', async () => {
  const { database, ownerUrl, serverUrl, createUser, close } = await createTestDatabase()
  closeAfterTest({ close })
  const dataDir = await mkdtemp(join(tmpdir(), 'agentexpress-erase-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const said: string[] = []
  const provider = await serve((request, response) => {
    request.on('data', (chunk) => said.push(String(chunk)))
    request.on('end', () => response.end())
  })
  const log = createLog('silent')
  const keyring = await loadKeyring(
    { config: { encryptionKeys: undefined, dataDir }, database, stores: secretStores, log },
    () => {},
  )
  await createUser('admin')
  const user = await createUser()
  const { ids } = await createTestIntegrations(database, user.id, { keyring })
  const key = { integrationId: ids[0] as string, ownerId: user.id }
  await database.asSystem('a test chooses a type', (tx) =>
    tx.updateTable('integrations').set({ type: 'openapi' }).where('id', '=', key.integrationId).execute(),
  )
  await changeCredentials({ database, keyring, integrationTypes: [openapiType] }, key, async () => ({
    credentials: {
      oauth: {
        token_endpoint: `${provider.url}/token`,
        revocation_endpoint: `${provider.url}/revoke`,
        client_id: 'us',
        client_authentication: 'none',
        access_token: 'planted-access',
        refresh_token: 'planted-refresh',
      },
    },
    result: null,
  }))
  const config = readConfig({
    DATABASE_URL: serverUrl,
    DIRECT_URL: ownerUrl,
    DATA_DIR: dataDir,
    ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
  })
  await usersCommand(config, ['erase', user.email, '--yes'])
  expect(said.map((text) => new URLSearchParams(text).get('token'))).toEqual(['planted-refresh', 'planted-access'])
  const left = await database.asSystem('a test looks', (tx) =>
    tx.selectFrom('users').select('id').where('id', '=', user.id).execute(),
  )
  expect(left).toEqual([])
  const recorded = await database.asSystem('a test looks', (tx) =>
    tx.selectFrom('audit_log').select(['actor_id', 'action']).where('target_id', '=', user.id).execute(),
  )
  expect(recorded).toEqual([{ actor_id: null, action: 'user.erase' }])
})
