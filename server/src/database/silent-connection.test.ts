import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { openDatabase } from './database.ts'

let db: TestDatabase
let user: TestUser

beforeAll(async () => {
  db = await createTestDatabase()
  user = await db.createUser()
})
afterAll(() => db.close())

/** Stands between, and stops passing anything on for the connections it has when told to, without closing them. */
async function startProxy() {
  const target = new URL(db.ownerUrl)
  const sockets = new Set<Socket>()
  const silence: (() => void)[] = []
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    silence.push(() => {
      client.unpipe(upstream)
      upstream.unpipe(client)
      client.resume()
      upstream.resume()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = new URL(db.serverUrl)
  url.searchParams.delete('host')
  url.host = `127.0.0.1:${(server.address() as { port: number }).port}`
  return {
    url: url.href,
    fallSilent() {
      for (const stop of silence.splice(0)) stop()
    },
  }
}

const readUsers = { name: 'silent_users', text: 'select id from users', values: [] }

test('a connection behind which nobody answers ends as 503, and the next request gets a new one at once', async () => {
  const proxy = await startProxy()
  const log = createLog('silent')
  const database = openDatabase({
    url: proxy.url,
    poolSize: 5,
    usePreparedStatements: true,
    log,
    silenceTimeoutMs: 1000,
  })
  onTestFinished(() => database.close())
  const ask = () => database.queryAsUser(user.claims, readUsers)
  const askTwice = () =>
    database.withUser(user.claims, async (tx) => {
      await sql`select 1`.execute(tx)
      return tx.selectFrom('users').select('id').execute()
    })
  // All five are opened.
  await Promise.all(
    Array.from({ length: 5 }, () => database.withUser(user.claims, (tx) => sql`select pg_sleep(0.2)`.execute(tx))),
  )

  for (const work of [ask, askTwice]) {
    await work()
    proxy.fallSilent()
    const startedAt = performance.now()
    await expect(work()).rejects.toMatchObject({ code: 'unavailable', status: 503, retryAfterSeconds: 2 })
    // The other four are not tried one after the other.
    expect(await work()).toEqual([{ id: user.id }])
    expect(performance.now() - startedAt).toBeLessThan(4000)
  }
})

test('a transaction in the middle of which PostgreSQL falls silent ends as 503', async () => {
  const proxy = await startProxy()
  const log = createLog('silent')
  const database = openDatabase({
    url: proxy.url,
    poolSize: 1,
    usePreparedStatements: true,
    log,
    silenceTimeoutMs: 1000,
  })
  onTestFinished(() => database.close())
  const cut = database.withUser(user.claims, async (tx) => {
    await sql`select 1`.execute(tx)
    proxy.fallSilent()
    await sql`select 2`.execute(tx)
  })
  await expect(cut).rejects.toMatchObject({ code: 'unavailable' })
  expect(await database.isReady()).toBe(true)
})

test('readiness does not wait for an answer that does not come, and finds the way back', async () => {
  const proxy = await startProxy()
  const database = openDatabase({ url: proxy.url, poolSize: 1, usePreparedStatements: true, log: createLog('silent') })
  onTestFinished(() => database.close())
  expect(await database.isReady()).toBe(true)
  proxy.fallSilent()
  const startedAt = performance.now()
  expect(await database.isReady()).toBe(false)
  expect(performance.now() - startedAt).toBeLessThan(8000)
  expect(await database.isReady()).toBe(true)
})

test('the end does not wait for a goodbye of a silent PostgreSQL', async () => {
  const proxy = await startProxy()
  const database = openDatabase({ url: proxy.url, poolSize: 1, usePreparedStatements: true, log: createLog('silent') })
  await database.isReady()
  proxy.fallSilent()
  const startedAt = performance.now()
  await database.close()
  expect(performance.now() - startedAt).toBeLessThan(10_000)
})
