import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { closeAfterTest, createTestApp } from '../testing/test-app.ts'
import { makeBackupName } from './backup-format.ts'
import { withBackupLock } from './backup-lock.ts'
import { writeRecord } from './backup-records.ts'
import { startBackupSchedule } from './backup-schedule.ts'
import { createBackupWatch } from './backup-status.ts'
import { backupConfig, createFilledDatabase, makeFolder } from './backup-testing.ts'
import { FolderStore } from './folder-store.ts'

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)

/** A backup that was made, and verified, so many hours ago; only what is known of it matters here. */
async function writeBackup(folder: string, made: Date, verified: Date | null): Promise<void> {
  const store = new FolderStore(folder)
  const name = makeBackupName(made, true)
  await store.writeText(name, 'x')
  await writeRecord(store, {
    name,
    created_at: made.toISOString(),
    bytes: 1,
    sha256: '',
    encryption: 'recipients',
    schema_version: 'x',
    agentexpress: '0',
    postgres: '18',
    verified: verified && { at: verified.toISOString(), postgres: '18', seconds: 1 },
  })
}

test('backups are overdue when the newest verified one is too old, not while a new installation waits for its first', async () => {
  const folder = await makeFolder()
  const { backup } = backupConfig({ BACKUP_DIR: folder, BACKUP_EVERY_HOURS: '24', BACKUP_PASSPHRASE: 'x' })
  const at = (time: Date, startedAt = time) => {
    let calls = 0
    return createBackupWatch(backup, () => (calls++ === 0 ? startedAt : time)).read()
  }
  expect(await at(new Date())).toEqual({ last_created_at: null, last_verified_at: null, overdue: false, problems: [] })
  expect(await at(new Date(), hoursAgo(2))).toMatchObject({ overdue: true })
  await writeBackup(folder, hoursAgo(300), hoursAgo(299))
  await writeBackup(folder, hoursAgo(2), null)
  const { last_created_at, last_verified_at, overdue, problems } = await at(new Date())
  expect(overdue).toBe(true)
  expect(problems).toEqual([expect.stringContaining('is 300 hours old')])
  expect(last_created_at?.getTime()).toBeGreaterThan(hoursAgo(3).getTime())
  expect(last_verified_at?.getTime()).toBeLessThan(hoursAgo(298).getTime())
  await writeBackup(folder, hoursAgo(100), hoursAgo(99))
  expect(await at(new Date())).toMatchObject({ overdue: false, problems: [] })
})

test('who never set backups up is not reminded of them', async () => {
  const { backup } = backupConfig({ BACKUP_DIR: await makeFolder() })
  let now = hoursAgo(1000)
  const watch = createBackupWatch(backup, () => now)
  now = new Date()
  expect((await watch.read()).overdue).toBe(false)
})

test('a place that cannot be read is told of like backups that are missing', async () => {
  const { backup } = backupConfig({ BACKUP_DIR: '/dev/null/backups', BACKUP_EVERY_HOURS: '1', BACKUP_PASSPHRASE: 'x' })
  const status = await createBackupWatch(backup).read()
  expect(status).toMatchObject({ overdue: true, problems: [expect.stringContaining('cannot be read')] })
})

test('admins see it, users do not, and /readyz tells while it goes on serving', { timeout: 120_000 }, async () => {
  const folder = await makeFolder()
  await writeBackup(folder, hoursAgo(400), hoursAgo(399))
  const testApp = await createTestApp({ BACKUP_DIR: folder })
  closeAfterTest(testApp)
  const [user, admin] = [await testApp.createUser(), await testApp.createUser('admin')]
  const ask = (headers?: Record<string, string>) => testApp.app.inject({ url: '/api/v1/admin/system', headers })
  expect((await ask()).statusCode).toBe(401)
  expect((await ask(user.headers)).statusCode).toBe(403)
  const answer = await ask(admin.headers)
  expect(answer.statusCode).toBe(200)
  expect(answer.json().backups).toEqual({
    last_created_at: expect.stringMatching(/^20/),
    last_verified_at: expect.stringMatching(/^20/),
    overdue: true,
    problems: [expect.stringContaining('is 400 hours old')],
  })
  const ready = await testApp.app.inject('/readyz')
  expect(ready.statusCode).toBe(200)
  expect(ready.json()).toEqual({ status: 'ok', details: { backups: 'overdue' } })
})

async function listenForAlerts(status = 204) {
  const received: { headers: Record<string, unknown>; body: Record<string, unknown> }[] = []
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: JSON.parse(await text(request)) })
    response.writeHead(status).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

test('BACKUP_ALERT_URL is told once a day while backups are overdue, by one of all servers', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const { received, url } = await listenForAlerts()
  const folder = await makeFolder()
  await writeBackup(folder, hoursAgo(400), hoursAgo(399))
  const config = backupConfig({
    BACKUP_DIR: folder,
    BACKUP_ALERT_URL: url,
    ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
    PUBLIC_URL: 'https://agents.example.com',
  })
  const startServer = async () => {
    const schedule = startBackupSchedule({ config, ownerUrl, log: createLog('silent') })
    onTestFinished(() => schedule.stop())
    await schedule.look()
    return schedule
  }
  const first = await startServer()
  await first.look()
  await startServer()
  expect(received).toHaveLength(1)
  expect(received[0]?.headers['content-type']).toBe('application/json')
  expect(received[0]?.body).toEqual({
    event: 'backups_overdue',
    site: 'https://agents.example.com',
    alert_after_hours: 192,
    last_created_at: expect.stringMatching(/^20/),
    last_verified_at: expect.stringMatching(/^20/),
    problems: [expect.stringContaining('is 400 hours old')],
  })
  await new FolderStore(folder).writeText('alerted.json', JSON.stringify({ alerted_at: hoursAgo(25).toISOString() }))
  await startServer()
  expect(received).toHaveLength(2)
})

test('an alert that was refused is sent again, and a private address is never asked unless it was allowed', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const { received, url } = await listenForAlerts(500)
  const folder = await makeFolder()
  await writeBackup(folder, hoursAgo(400), hoursAgo(399))
  const look = async (environment: Record<string, string>) => {
    const config = backupConfig({ BACKUP_DIR: folder, BACKUP_ALERT_URL: url, ...environment })
    const schedule = startBackupSchedule({ config, ownerUrl, log: createLog('silent') })
    onTestFinished(() => schedule.stop())
    await schedule.look()
    await schedule.look()
  }
  await look({})
  expect(received).toHaveLength(0)
  await look({ ALLOWED_PRIVATE_HOSTS: '127.0.0.1' })
  expect(received).toHaveLength(2)
  expect(await new FolderStore(folder).readText('alerted.json')).toBeNull()
})

test('the alert is sent when the place of the backups cannot be read, and beside a backup that hangs', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const { received, url } = await listenForAlerts()
  const environment = { BACKUP_ALERT_URL: url, ALLOWED_PRIVATE_HOSTS: '127.0.0.1' }
  const look = async (more: Record<string, string>) => {
    const config = backupConfig({ ...environment, ...more })
    const schedule = startBackupSchedule({ config, ownerUrl, log: createLog('silent') })
    onTestFinished(() => schedule.stop())
    await schedule.look()
  }
  await look({ BACKUP_DIR: '/dev/null/backups' })
  expect(received[0]?.body.problems).toEqual([expect.stringContaining('cannot be read')])
  const folder = await makeFolder()
  await writeBackup(folder, hoursAgo(400), hoursAgo(399))
  const hang = Promise.withResolvers<void>()
  const hanging = withBackupLock(ownerUrl, () => hang.promise)
  await look({ BACKUP_DIR: folder })
  hang.resolve()
  await hanging
  expect(received).toHaveLength(2)
})

test('nobody is told while all is well', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const { received, url } = await listenForAlerts()
  const folder = await makeFolder()
  await writeBackup(folder, hoursAgo(4), hoursAgo(3))
  const config = backupConfig({ BACKUP_DIR: folder, BACKUP_ALERT_URL: url, ALLOWED_PRIVATE_HOSTS: '127.0.0.1' })
  const schedule = startBackupSchedule({ config, ownerUrl, log: createLog('silent') })
  onTestFinished(() => schedule.stop())
  await schedule.look()
  expect(received).toEqual([])
})
