import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { eventually } from '../user-agents/run-testing.ts'
import { type CancelChannel, openCancelChannel } from './cancel-channel.ts'

let testDatabase: TestDatabase

beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())

function open(url = testDatabase.ownerUrl): { channel: CancelChannel; received: string[] } {
  const received: string[] = []
  const channel = openCancelChannel(url, createLog('silent'), (id) => received.push(id))
  onTestFinished(() => channel.close())
  return { channel, received }
}

/** True once the channel takes what is sent. */
const isOpen = (channel: CancelChannel) =>
  channel.send('hello').then(
    () => true,
    () => false,
  )

async function breakConnections(): Promise<void> {
  const client = new pg.Client({ connectionString: testDatabase.ownerUrl })
  await client.connect()
  await client
    .query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'agentexpress cancel'`,
    )
    .finally(() => client.end())
}

test('what one server sends reaches all of them', async () => {
  const [one, two] = [open(), open()]
  await eventually('both are open', async () => (await isOpen(one.channel)) && (await isOpen(two.channel)))
  await one.channel.send('a-run')
  await eventually('both have it', async () => one.received.includes('a-run') && two.received.includes('a-run'))
})

test('a channel that breaks is opened again by itself, and says so while it is closed', async () => {
  const { channel, received } = open()
  await eventually('it is open', () => isOpen(channel))
  await breakConnections()
  await eventually('it is closed', async () => !(await isOpen(channel)))
  await expect(channel.send('lost')).rejects.toMatchObject({ code: 'unavailable', status: 503 })
  await eventually('it is open again', () => isOpen(channel))
  await channel.send('after')
  await eventually('it carries again', async () => received.includes('after'))
  expect(received).not.toContain('lost')
})

test.each([0, 1, 5, 20, 60])('it can be closed %d ms after it was opened', async (ms) => {
  const { channel } = open()
  await sleep(ms)
  await channel.close()
})

test('it can be closed at once while the database is away', async () => {
  const url = new URL(testDatabase.ownerUrl)
  url.port = '9'
  const { channel } = open(url.href)
  await sleep(1500)
  const startedAt = performance.now()
  await channel.close()
  expect(performance.now() - startedAt).toBeLessThan(5000)
})
