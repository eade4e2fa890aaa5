import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let site: TestApp
let user: TestUser

// As in createTestDatabase.
const poolSize = 5

beforeAll(async () => {
  site = await createTestApp()
  user = await site.createUser()
})
afterAll(() => site.close())

const get = (url: string) => site.app.inject({ url, headers: user.headers })

async function ask(url: string) {
  const startedAt = performance.now()
  const response = await get(url)
  return { response, ms: performance.now() - startedAt }
}

test('ten times as many slow requests as connections: each is served or told when to come back, and none hangs', async () => {
  const owner = new pg.Client({ connectionString: site.ownerUrl })
  owner.on('error', () => {})
  await owner.connect()
  onTestFinished(() => owner.end())
  await owner.query('begin; lock table agents in access exclusive mode')
  const waiting = Array.from({ length: poolSize * 10 }, () => ask('/api/v1/agents'))
  await sleep(300)
  const alive = await ask('/healthz')
  expect(alive.response.statusCode).toBe(200)
  expect(alive.ms).toBeLessThan(1000)
  for (const { response, ms } of await Promise.all(waiting)) {
    expect(response.statusCode).toBe(503)
    // Behind a pooler those it lets wait cannot be told from a database that is silent.
    expect(response.json()).toMatchObject({
      code: 'unavailable',
      title: expect.stringMatching(/is too busy|does not answer/),
    })
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
    // Five seconds for a connection, five for the lock, and a machine that does other things.
    expect(ms).toBeLessThan(20_000)
  }
  await owner.query('rollback')
  expect((await get('/api/v1/agents')).statusCode).toBe(200)
  expect((await get('/readyz')).statusCode).toBe(200)
})

test('a queue that is full takes no more', async () => {
  const sleeping = Array.from({ length: poolSize }, () =>
    site.database.withUser(user.claims, (tx) => sql`select pg_sleep(2)`.execute(tx)),
  )
  await sleep(500)
  const queued = Array.from({ length: poolSize * 500 }, () =>
    site.database.withUser(user.claims, (tx) => sql`select 1`.execute(tx)),
  )
  const settled = Promise.allSettled([...sleeping, ...queued])
  const { response, ms } = await ask('/api/v1/me')
  expect(response.statusCode).toBe(503)
  expect(response.json()).toMatchObject({ code: 'unavailable', title: 'The database is too busy.' })
  expect(response.headers['retry-after']).toBe('2')
  expect(ms).toBeLessThan(1000)
  await settled
  expect((await get('/api/v1/me')).statusCode).toBe(200)
})
