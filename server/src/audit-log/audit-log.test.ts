import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logsCommand } from '../agent-logs/logs-command.ts'
import { signUpForTest } from '../auth/test-sessions.ts'
import { readConfig } from '../config.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { createLog } from '../log.ts'
import { createAgentOf } from '../testing/agent-fixtures.ts'
import {
  closeAfterTest,
  createTestApp,
  createTestDatabase,
  type TestApp,
  type TestDatabase,
  type TestUser,
} from '../testing/test-app.ts'
import { auditCommand } from './audit-command.ts'
import type { AuditReport } from './audit-log-schemas.ts'
import { logAuditHead } from './log-audit-head.ts'
import { recordAudit } from './record-audit.ts'
import { verifyAuditLog } from './verify-audit-log.ts'

let site: TestApp
let admin: TestUser
beforeAll(async () => {
  site = await createTestApp()
  admin = await site.createUser('admin')
})
afterAll(() => site.close())

async function call(
  user: TestUser | null,
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  payload?: object,
) {
  const response = await site.app.inject({
    method,
    url: `/api/v1${path}`,
    ...(user && { headers: user.headers }),
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const entriesOf = async (targetId: string) =>
  (await call(admin, 'GET', `/admin/audit-log?target_id=${targetId}`)).body.data.reverse()
const record = (database: Database, id: string, detail = {}) =>
  database.asSystem('a test records', (tx) =>
    recordAudit(tx, { actor: null, action: 'user.suspend', target: { type: 'user', id }, detail }),
  )

describe('what admins do', () => {
  test('to an account is on record, once each, with who did it, and what changed nothing is not', async () => {
    const user = await signUpForTest(site)
    const path = `/admin/users/${user.id}`
    await call(admin, 'PATCH', path, { is_suspended: true, role: 'admin' })
    await call(admin, 'PATCH', path, { is_suspended: true })
    await call(admin, 'PATCH', path, { is_suspended: false })
    await call(admin, 'PATCH', path, { role: 'user' })
    await call(admin, 'POST', `${path}/sign-out?api_keys=true`)
    const entries = await entriesOf(user.id)
    expect(entries.map(({ action }: { action: string }) => action)).toEqual([
      'user.role',
      'user.suspend',
      'user.restore',
      'user.role',
      'user.sign_out',
    ])
    expect(entries[0]).toMatchObject({
      actor_id: admin.id,
      actor_name: admin.email,
      target_name: user.email,
      detail: { from: 'user', to: 'admin' },
      description: 'The role of an account changed',
    })
    // Names are looked up: in the row itself there are ids alone.
    const rows = await site.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('audit_log').selectAll().where('target_id', '=', user.id).execute(),
    )
    expect(JSON.stringify(rows)).not.toContain(user.email)
  })

  test('to agents is on record, and a refused action leaves nothing', async () => {
    const creator = await site.createUser()
    const { id } = await createAgentOf(site, creator)
    await call(creator, 'POST', `/agents/${id}/publication`)
    await call(admin, 'POST', `/admin/agents/${id}/publication`, { decision: 'publish', version: 1 })
    await call(admin, 'POST', `/admin/agents/${id}/publication`, { decision: 'publish', version: 7 })
    await call(admin, 'POST', `/admin/agents/${id}/publication`, { decision: 'decline' })
    const entries = await entriesOf(id)
    expect(entries.map(({ action, actor_id }: Record<string, string>) => [action, actor_id])).toEqual([
      ['publication.accept', admin.id],
      ['publication.refuse', admin.id],
    ])
  })

  test('is shown in pages, each entry once, and found by actor, action and time', async () => {
    const boss = await site.createUser('admin')
    const user = await site.createUser()
    const begin = new Date().toISOString()
    for (let n = 0; n < 5; n++) await call(boss, 'PATCH', `/admin/users/${user.id}`, { is_suspended: n % 2 === 0 })
    const seen: number[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query = `actor_id=${boss.id}&limit=2${cursor && `&cursor=${cursor}`}`
      const { body } = await call(admin, 'GET', `/admin/audit-log?${query}`)
      seen.push(...body.data.map(({ id }: { id: number }) => id))
      cursor = body.next_cursor
    }
    expect(seen).toHaveLength(5)
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a))
    const count = async (query: string) => (await call(admin, 'GET', `/admin/audit-log?${query}`)).body.data.length
    expect(await count(`target_id=${user.id}&action=user.restore`)).toBe(2)
    expect(await count(`target_id=${user.id}&from=${begin}`)).toBe(5)
    expect(await count(`target_id=${user.id}&to=${begin}`)).toBe(0)
    expect((await call(admin, 'GET', '/admin/audit-log?action=no.such')).status).toBe(400)
    expect((await call(admin, 'GET', '/admin/audit-log?cursor=x')).status).toBe(400)
  })

  test('is for admins alone to read', async () => {
    const user = await site.createUser()
    for (const path of ['/admin/audit-log', '/admin/audit-log/verify']) {
      expect((await call(user, 'GET', path)).status).toBe(403)
      expect((await call(null, 'GET', path)).status).toBe(401)
      expect((await call(admin, 'GET', path)).status).toBe(200)
    }
  })

  test('that is rolled back was never done', async () => {
    const id = createId()
    await expect(
      site.database.asSystem('a test fails', async (tx) => {
        await recordAudit(tx, { actor: null, action: 'user.erase', target: { type: 'user', id } })
        throw new Error('not after all')
      }),
    ).rejects.toThrow('not after all')
    expect(await entriesOf(id)).toEqual([])
    expect(await verifyAuditLog(site.database)).toMatchObject({ is_intact: true })
  })
})

test('two servers that record at the same time make one chain without gaps', async () => {
  const options = { usePreparedStatements: false, log: createLog('silent') }
  const second = openDatabase({ url: site.serverUrl, poolSize: 5, ...options })
  closeAfterTest(second)
  const before = await verifyAuditLog(site.database)
  const id = createId()
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => record(n % 2 === 0 ? site.database : second, id, { n, text: 'ü "\u2028' })),
  )
  const after = await verifyAuditLog(second, { head: before.head_hash ?? undefined })
  expect(after).toMatchObject({ is_intact: true, entries: before.entries + 60, faults: [] })
})

describe('whoever tampers with the table as its owner', () => {
  let fresh: TestDatabase
  let honest: AuditReport
  /** The chain of ten as it was written, then what is done to it, past the trigger. */
  async function tamper(...statements: string[]): Promise<AuditReport> {
    const past = ['delete from audit_log', 'insert into audit_log table kept', ...statements]
    await onTable(['alter table audit_log disable trigger audit_log_keep', ...past])
    await onTable(['alter table audit_log enable trigger audit_log_keep'])
    return verifyAuditLog(fresh.database)
  }
  async function onTable(statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: fresh.ownerUrl })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }
  beforeAll(async () => {
    fresh = await createTestDatabase()
    for (let n = 1; n <= 10; n++) await record(fresh.database, createId(), { n })
    honest = await verifyAuditLog(fresh.database)
    await onTable(['create table kept as table audit_log'])
  })
  afterAll(() => fresh.close())
  const rehash = (id: number) => `update audit_log set hash = app.hash_audit_entry(audit_log) where id = ${id}`

  test('is found, whether an entry was changed, with or without its hash, taken out, put in or moved', async () => {
    expect(honest).toMatchObject({ is_intact: true, entries: 10 })
    await expect(onTable(['delete from audit_log where id = 4'])).rejects.toThrow('only added to')
    await expect(onTable(['truncate audit_log'])).rejects.toThrow('only added to')
    const first = async (...statements: string[]) => (await tamper(...statements)).faults[0]
    const change = `update audit_log set detail = '{"n": 99}' where id = 4`
    expect(await first(change)).toMatchObject({ id: 4, kind: 'changed' })
    expect(
      await first(`update audit_log set created_at = created_at + interval '1 microsecond' where id = 4`),
    ).toMatchObject({ id: 4, kind: 'changed' })
    expect(await first(change, rehash(4))).toMatchObject({ id: 5, kind: 'inserted' })
    expect(await first('delete from audit_log where id in (4, 5)')).toMatchObject({ id: 6, kind: 'missing' })
    expect(await first('delete from audit_log where id = 1')).toMatchObject({ id: 2, kind: 'missing' })
    // Its place is taken by those behind it.
    expect(
      await first(
        'delete from audit_log where id = 4',
        'update audit_log set id = id + 100 where id > 4',
        'update audit_log set id = id - 101 where id > 100',
      ),
    ).toMatchObject({ id: 4, kind: 'reordered' })
    expect(
      await first(
        'update audit_log set id = -id where id in (4, 5)',
        'update audit_log set id = 5 where id = -4',
        'update audit_log set id = 4 where id = -5',
      ),
    ).toMatchObject({ id: 4, kind: 'reordered' })
    const copy = (id: number) =>
      `insert into audit_log select ${id}, created_at, actor_id, action, target_type, target_id, '{"n": 0}', previous_hash, hash from audit_log where id = 3`
    expect(await first(copy(0), rehash(0))).toMatchObject({ id: 0, kind: 'inserted' })
    expect(
      await first(
        'update audit_log set id = id + 100 where id > 3',
        copy(4),
        rehash(4),
        'update audit_log set id = id - 99 where id > 100',
      ),
    ).toMatchObject({ id: 4, kind: 'inserted' })
  })

  test('and cuts off the end is found by a head that was kept; without one nothing shows', async () => {
    const report = await tamper('delete from audit_log where id > 7')
    expect(report).toMatchObject({ is_intact: true, entries: 7 })
    const kept = await verifyAuditLog(fresh.database, { head: honest.head_hash ?? '' })
    expect(kept.faults).toMatchObject([{ id: 8, kind: 'cut_off' }])
    await record(fresh.database, createId())
    expect(await verifyAuditLog(fresh.database, { head: honest.head_hash ?? '' })).toMatchObject({ is_intact: false })
    expect(await verifyAuditLog(fresh.database, { head: report.head_hash ?? '' })).toMatchObject({ is_intact: true })
  })
})

test('logs that are forgotten by command are on record, a look at what would go is not', async () => {
  const config = readConfig({ DATABASE_URL: site.serverUrl, DIRECT_URL: site.ownerUrl })
  await logsCommand(config, ['prune', '--dry-run'])
  expect(await entriesOf('agent_logs')).toEqual([])
  await logsCommand(config, ['prune'])
  expect(await entriesOf('agent_logs')).toMatchObject([{ actor_id: null, action: 'logs.prune', detail: { logs: 0 } }])
})

test('the command lists, exports and verifies; it fails when a head that was kept is not there', async () => {
  const said: string[] = []
  const config = readConfig({ DATABASE_URL: site.serverUrl, DIRECT_URL: site.ownerUrl })
  const audit = async (...args: string[]) => {
    said.length = 0
    await auditCommand(config, args, (text) => void said.push(text))
    return said.join('\n')
  }
  await record(site.database, createId())
  const { entries, head_hash } = await verifyAuditLog(site.database)
  expect(await audit('verify')).toContain(`${entries} entries, head ${head_hash}`)
  expect(await audit('verify', '--head', head_hash ?? '')).toContain('goes on from the head that you kept')
  await expect(audit('verify', '--head', '0'.repeat(64))).rejects.toThrow('tampered with')
  expect(said.at(-1)).toContain('cut_off')
  const lines = (await audit('export')).split('\n').map((line) => JSON.parse(line))
  expect(lines.map(({ id }) => id)).toEqual(Array.from({ length: entries }, (_, n) => entries - n))
  expect(await audit('list', '--limit', '1')).toMatch(new RegExp(`^${entries} .*user `, 'm'))
  for (const wrong of [['verify', '--head', 'x'], ['list', '--limit', '0'], ['erase'], []])
    await expect(audit(...wrong)).rejects.toThrow('Usage')
})

test('the head goes into the program’s log once a day', async () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  await record(site.database, createId())
  expect(await logAuditHead(site.database, log)).toBe(true)
  expect(await logAuditHead(site.database, log)).toBe(false)
  const { head_hash, entries } = await verifyAuditLog(site.database)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ msg: 'head of the audit log', head_hash, entries }])
})
