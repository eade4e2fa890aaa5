import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { readConfig } from '../config.ts'
import type { KeySet } from '../crypto/key-set.ts'
import { createFixedKeyring } from '../crypto/keyring.ts'
import { sealSecret } from '../crypto/seal-secret.ts'
import { readMigrations } from '../database/migrate.ts'
import { createId } from '../database/uuid-v7.ts'
import { createTestDatabase } from '../testing/test-app.ts'
import type { ListedBackup } from './backup-records.ts'
import { listBackups } from './backup-records.ts'
import type { BackupStore } from './backup-store.ts'
import { createBackup } from './create-backup.ts'
import type { DecryptionKeys, Encryption } from './encryption.ts'
import { FolderStore } from './folder-store.ts'
import type { BackupSource } from './read-backup.ts'

export const passphrase = 'four words that nobody guesses'

export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-backup-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function runSql(url: string, statement: string, values: unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client.query(statement, values).finally(() => client.end())
}

/** A database with rows of every kind that is hard to carry over, and `logs` logs. */
export async function createFilledDatabase(logs = 200): Promise<{ ownerUrl: string; userId: string }> {
  const database = await createTestDatabase()
  onTestFinished(() => database.close())
  const user = await database.createUser()
  const agentId = createId()
  await runSql(
    database.ownerUrl,
    `insert into agents (id, name, description, type, capabilities, version) values ($1, $2, $3, 'social', $4, 2)`,
    [agentId, 'Tab\there', 'back\\slash\nline \\N \\. é 日本 🙂', JSON.stringify({ text: '\u2028 "quoted" \\u0041' })],
  )
  await runSql(
    database.ownerUrl,
    `insert into agent_versions (agent_id, version, name, description, capabilities)
     select $1, n, 'v' || n, '', '{}' from generate_series(1, 2) n`,
    [agentId],
  )
  // Pinned to version 1 of an agent that is at 2: the trigger for new rows refuses this.
  await runSql(
    database.ownerUrl,
    `insert into user_agents (id, user_id, agent_id, name, agent_version) values ($1, $2, $3, 'mine', 2)`,
    [createId(), user.id, agentId],
  )
  await runSql(database.ownerUrl, 'alter table user_agents disable trigger user')
  await runSql(database.ownerUrl, 'update user_agents set agent_version = 1')
  await runSql(database.ownerUrl, 'alter table user_agents enable trigger user')
  await runSql(
    database.ownerUrl,
    `insert into installation (name, value) values ('signing_key', '{"kid": "test-signing-key"}') on conflict do nothing`,
  )
  await insertLogs(database.ownerUrl, { userId: user.id, agentId, logs })
  // In no month that has a partition.
  await runSql(
    database.ownerUrl,
    `insert into agent_logs (id, user_id, conversation_id, "timestamp", input, status, source)
     values ($1, $2, $1, '2001-02-03', 'a stray', 'succeeded', 'api')`,
    [createId(), user.id],
  )
  return { ownerUrl: database.ownerUrl, userId: user.id }
}

export async function insertLogs(
  ownerUrl: string,
  { userId, agentId, logs }: { userId: string; agentId: string; logs: number },
): Promise<void> {
  await runSql(
    ownerUrl,
    `insert into agent_logs (id, agent_id, user_id, conversation_id, "timestamp", input, output, metadata, status, source, cost_usd)
     select gen_random_uuid(), $2, $1, gen_random_uuid(), now() - make_interval(mins => n), 'question ' || n || md5(n::text),
            repeat(md5((n * 7)::text) || ' ', 8), jsonb_build_object('n', n), 'succeeded', 'api', n / 1000.0
     from generate_series(1, $3::integer) n`,
    [userId, agentId, logs],
  )
}

/** A connected account, encrypted with the present key of `keySet`. */
export async function addAccount(ownerUrl: string, { keySet, kid }: { keySet: KeySet; kid: string }): Promise<void> {
  const { rows } = await runSql(ownerUrl, 'select id, user_id from user_agents limit 1')
  const [{ id: userAgentId, user_id: ownerId }] = rows
  const id = createId()
  const context = { purpose: 'integrations.credentials', rowId: id, ownerId } as const
  const keyring = await createFixedKeyring({ ...keySet, current: kid })
  const { sealed } = await sealSecret(keyring, context, { token: 'secret' })
  await runSql(ownerUrl, 'insert into encryption_keys (id) values ($1) on conflict do nothing', [kid])
  await runSql(
    ownerUrl,
    `insert into integrations (id, user_agent_id, type, credentials, credentials_key_id) values ($1, $2, 'webhook', $3, $4)`,
    [id, userAgentId, JSON.stringify(sealed), kid],
  )
}

/** An empty database on the same PostgreSQL. */
export async function createEmptyDatabase(options: { owner?: string } = {}): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const adminUrl = new URL(inject('ownerUrl'))
  adminUrl.pathname = '/postgres'
  await runSql(
    adminUrl.href,
    `create database ${name} template template0 ${options.owner ? `owner ${options.owner}` : ''}`,
  )
  onTestFinished(async () => void (await runSql(adminUrl.href, `drop database if exists ${name} with (force)`)))
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  // Before PostgreSQL 16 an owner that inherits nothing may create no tables in schema public.
  if (options.owner) await runSql(url.href, `grant all on schema public to ${options.owner}`)
  return url.href
}

/** Every row of every table as text, in an order of its own. */
export async function dumpRows(ownerUrl: string): Promise<Record<string, string[]>> {
  const { rows: tables } = await runSql(
    ownerUrl,
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
       and relname <> '_prisma_migrations' order by 1`,
  )
  const dump: Record<string, string[]> = {}
  for (const { name } of tables) {
    const { rows } = await runSql(
      ownerUrl,
      `select t::text as row from public.${pg.escapeIdentifier(name)} t order by 1`,
    )
    dump[name] = rows.map(({ row }) => row)
  }
  return dump
}

export const testMigrations = readMigrations()

export async function backUp(
  ownerUrl: string,
  {
    store,
    encryption = { kind: 'none' },
    keySet = null,
  }: { store: BackupStore; encryption?: Encryption; keySet?: KeySet | null },
) {
  const migrations = await testMigrations
  const readKeys = async () => keySet
  return createBackup({ ownerUrl, store, encryption, migrations, agentexpress: '0.1.0', readKeys })
}

export function sourceIn(
  store: BackupStore,
  listed: Pick<ListedBackup, 'name' | 'record'>,
  keys: DecryptionKeys = { identities: [] },
): BackupSource {
  return { label: listed.name, open: () => store.read(listed.name), record: listed.record, keys }
}

export async function newestSource(store: BackupStore, keys?: DecryptionKeys): Promise<BackupSource> {
  const [newest] = await listBackups(store)
  if (!newest) throw new Error('there is no backup')
  return sourceIn(store, newest, keys)
}

export async function makeStore(): Promise<FolderStore> {
  return new FolderStore(await makeFolder())
}

export function backupConfig(environment: Record<string, string> = {}) {
  return readConfig({ LOG_LEVEL: 'silent', ...environment })
}
