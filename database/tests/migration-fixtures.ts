import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { migrationsFolder, readMigrations } from '../../server/src/database/migrate.ts'
import type { Migration } from '../../server/src/database/migrations/migration.ts'
import { query } from './catalog-queries.ts'

export interface Files {
  up: string
  down: string
}

export const tableX: Files = { up: 'create table public.x (id int);', down: 'drop table public.x;' }

/** Does not hold the template: as long as somebody is connected to it, nobody can clone it. */
export function adminUrl(): string {
  return Object.assign(new URL(inject('ownerUrl')), { pathname: '/postgres' }).href
}

/** A migrated database of one test, cloned from the one that all tests share. Answers the URL of its owner. */
export async function cloneDatabase(template = new URL(inject('ownerUrl')).pathname.slice(1)): Promise<string> {
  const name = `clone_${randomBytes(6).toString('hex')}`
  await query(adminUrl(), `create database ${name} template ${template}`)
  onTestFinished(async () => {
    await query(adminUrl(), `drop database ${name} with (force)`)
  })
  return Object.assign(new URL(adminUrl()), { pathname: `/${name}` }).href
}

/** An empty database of one test, of an owner who is no superuser and has no BYPASSRLS: `url` is theirs. */
export async function createOwnedDatabase(): Promise<{ url: string; adminUrl: string }> {
  const name = `owned_${randomBytes(6).toString('hex')}`
  const at = (user: object = {}) => Object.assign(new URL(adminUrl()), { pathname: `/${name}`, ...user }).href
  await query(
    adminUrl(),
    `create role ${name} login noinherit createrole password 'test';
     grant anon, authenticated, service_role to ${name} with admin option`,
  )
  await query(adminUrl(), `create database ${name} owner ${name}`)
  onTestFinished(async () => {
    await query(adminUrl(), `drop database ${name} with (force)`)
    await query(adminUrl(), `drop role ${name}`)
  })
  await query(at(), `alter schema public owner to ${name}`)
  return { url: at({ username: name, password: 'test' }), adminUrl: at() }
}

export async function writeMigrations(folder: string, extra: Record<string, Files>): Promise<void> {
  for (const [name, { up, down }] of Object.entries(extra)) {
    await mkdir(join(folder, name), { recursive: true })
    await writeFile(join(folder, name, 'migration.sql'), up)
    await writeFile(join(folder, name, 'down.sql'), down)
  }
}

/** A folder with the project's migrations and these. */
export async function makeFolderWith(extra: Record<string, Files>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(migrationsFolder, folder, { recursive: true })
  await writeMigrations(folder, extra)
  return folder
}

/** The project's migrations and these. */
export async function readWith(extra: Record<string, Files>): Promise<Migration[]> {
  return readMigrations(await makeFolderWith(extra))
}

export interface LedgerRow extends Record<string, unknown> {
  migration_name: string
  checksum: string
  is_finished: boolean
  is_rolled_back: boolean
  logs: string | null
  applied_steps_count: number
}

export const readLedger = (url: string) =>
  query<LedgerRow>(
    url,
    `select migration_name, checksum, finished_at is not null as is_finished, rolled_back_at is not null as is_rolled_back,
       logs, applied_steps_count from public._prisma_migrations order by started_at, migration_name`,
  )
