import type { Keyring } from '../crypto/keyring.ts'
import { sealSecret } from '../crypto/seal-secret.ts'
import type { Database } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { changeCredentials } from './change-credentials.ts'
import { ConnectionFailed, type Credentials } from './integration-type.ts'
import { openIntegration } from './open-connection.ts'
import { httpType } from './types/http/http-type.ts'

export interface TestIntegrations {
  userAgentId: string
  ids: string[]
}

/** A user agent with integrations; each one's credentials are `{ token: <its id> }`, or none without a keyring. */
export async function createTestIntegrations(
  database: Database,
  userId: string,
  { keyring, count = 1 }: { keyring?: Keyring; count?: number } = {},
): Promise<TestIntegrations> {
  const [agentId, userAgentId] = [createId(), createId()]
  const ids = Array.from({ length: count }, () => createId())
  const rows = await Promise.all(
    ids.map(async (id) => {
      const row = { id, user_agent_id: userAgentId, type: httpType.type }
      if (!keyring) return row
      const context = { purpose: 'integrations.credentials', rowId: id, ownerId: userId } as const
      const { sealed, kid } = await sealSecret(keyring, context, testCredentials(id))
      return { ...row, credentials: JSON.stringify(sealed), credentials_key_id: kid }
    }),
  )
  await database.asSystem('a test makes integrations', async (tx) => {
    const words = { name: 'A', description: 'D', capabilities: '{}' }
    await tx
      .insertInto('agents')
      .values({ id: agentId, type: 'customer_service', creator_id: userId, ...words })
      .execute()
    await tx
      .insertInto('agent_versions')
      .values({ agent_id: agentId, version: 1, ...words })
      .execute()
    await tx
      .insertInto('user_agents')
      .values({ id: userAgentId, user_id: userId, agent_id: agentId, agent_version: 1, name: 'U' })
      .execute()
    for (let at = 0; at < rows.length; at += 500)
      await tx
        .insertInto('integrations')
        .values(rows.slice(at, at + 500))
        .execute()
  })
  return { userAgentId, ids }
}

/** The database is then as before its first key. */
export async function forgetKeys(database: Database): Promise<void> {
  await database.asSystem('a test begins with a database that knows no key', async (tx) => {
    await tx.deleteFrom('integrations').execute()
    await tx.deleteFrom('encryption_keys').execute()
  })
}

export function testCredentials(id: string): Credentials {
  return { token: id }
}

interface TestVault {
  database: Database
  keyring: Keyring
}
interface Key {
  integrationId: string
  ownerId: string
}

/** As its tools get it. */
export async function readAccount(
  vault: TestVault,
  key: Key,
): Promise<{ kind: 'connected'; value: Credentials } | { kind: 'reconnect' }> {
  try {
    const { credentials } = await openIntegration({ ...vault, integrationTypes: [httpType] }, key)
    return { kind: 'connected', value: credentials }
  } catch (error) {
    if (error instanceof ConnectionFailed && error.kind === 'credentials') return { kind: 'reconnect' }
    throw error
  }
}

/** As its owner enters it. */
export function saveAccount(vault: TestVault, key: Key, token: string): Promise<void> {
  return changeCredentials({ ...vault, integrationTypes: [httpType] }, key, async () => ({
    credentials: { token },
    result: undefined,
  }))
}
