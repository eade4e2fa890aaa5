import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { createApp, type Services } from '../app.ts'
import { generateSigningKey } from '../auth/signing-key.ts'
import { readConfig } from '../config.ts'
import { registerKeys } from '../crypto/key-registry.ts'
import { createMemoryKeyring, type Keyring } from '../crypto/keyring.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import type { App } from '../http/app-types.ts'
import { createLog } from '../log.ts'
import { createServices } from '../services.ts'

// One for all apps of a test file: making a key is slow.
const signingKey = generateSigningKey()

export interface TestUser {
  id: string
  email: string
  /** Headers of a request this user sends. */
  headers: { authorization: string }
  claims: { sub: string; user_role: 'user' | 'admin' }
}

export interface TestDatabase {
  database: Database
  /** Connects as the owner of the tables, who is no superuser's equal under row-level security but may do everything else. */
  ownerUrl: string
  serverUrl: string
  createUser(role?: 'user' | 'admin'): Promise<TestUser>
  close(): Promise<void>
}

/** A database of its own, cloned from the migrated one, reached through the server's own role. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const templateUrl = new URL(inject('ownerUrl'))
  const admin = async (statement: string) => {
    const url = new URL(templateUrl)
    url.pathname = '/postgres'
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    await client.query(statement).finally(() => client.end())
  }
  await admin(`create database ${name} template ${templateUrl.pathname.slice(1)}`)
  const at = (base: string) => {
    const url = new URL(base)
    url.pathname = `/${name}`
    return url.href
  }
  const serverUrl = at(inject('serverUrl'))
  const usePreparedStatements = inject('usePreparedStatements')
  const database = openDatabase({ url: serverUrl, poolSize: 5, usePreparedStatements, log: createLog('silent') })
  return {
    database,
    ownerUrl: at(inject('ownerUrl')),
    serverUrl,
    createUser: (role = 'user') => createTestUser(database, role),
    async close() {
      await database.close()
      await admin(`drop database ${name} with (force)`)
    },
  }
}

async function createTestUser(database: Database, role: 'user' | 'admin'): Promise<TestUser> {
  const id = createId()
  const email = `${id}@example.test`
  const key = `ax_${randomBytes(32).toString('base64url')}`
  await database.asSystem('a test makes a user', async (tx) => {
    await tx.insertInto('users').values({ id, email, role, first_name: 'Test', password: 'unused' }).execute()
    await tx
      .insertInto('api_keys')
      .values({
        id: createId(),
        user_id: id,
        name: 'test',
        prefix: key.slice(0, 9),
        key_hash: createHash('sha256').update(key).digest(),
      })
      .execute()
  })
  return { id, email, headers: { authorization: `Bearer ${key}` }, claims: { sub: id, user_role: role } }
}

export interface TestApp extends TestDatabase {
  app: App
  services: Services
}

/** The whole server on a database of its own, with only the built-in model unless `environment` names others. */
export async function createTestApp(
  environment: Record<string, string> = {},
  overrides: Partial<Services> = {},
): Promise<TestApp> {
  const testDatabase = await createTestDatabase()
  const config = readConfig({ LOG_LEVEL: 'silent', OLLAMA_BASE_URL: 'http://127.0.0.1:9', ...environment })
  const services: Services = {
    ...createServices({
      config,
      log: createLog(config.logLevel),
      database: testDatabase.database,
      signingKey: await signingKey,
      keyring: await createTestKeyring(testDatabase.database),
      nodeId: createId(),
      cancelElsewhere: async () => {},
    }),
    ...overrides,
  }
  const app = await createApp(services)
  return {
    ...testDatabase,
    app,
    services,
    async close() {
      await app.close()
      await testDatabase.close()
    },
  }
}

/** A key in memory that the database knows. */
export async function createTestKeyring(database: Database): Promise<Keyring> {
  const keyring = await createMemoryKeyring()
  const { kid } = await keyring.current()
  await database.asSystem('a test remembers its key', (tx) => registerKeys(tx, [kid]))
  return keyring
}

/** Closes what a single test opened. */
export function closeAfterTest(closable: { close(): Promise<void> }): void {
  onTestFinished(() => closable.close())
}
