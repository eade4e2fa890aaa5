import { exportJWK, generateKeyPair } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { signUp } from '../../../e2e/support/api-session.ts'
import { eventually } from '../../../e2e/support/eventually.ts'
import { makeDataFolder, removeDataFolder, startProgram } from '../../../e2e/support/start-program.ts'
import { addKey, formatKeySet } from '../crypto/key-set.ts'
import { startTestProvider } from '../runtime/test-providers/start-test-provider.ts'
import { createTestDatabase } from '../testing/test-app.ts'
import { readCounters, subscribeTestUser } from './limit-testing.ts'

const limit = 100

/** Two server processes on one database, with a model that now and then takes its time. */
async function startTwo() {
  let asked = 0
  const provider = await startTestProvider('compatible', () => ({
    kind: 'text',
    text: 'Yes.',
    delayMs: asked++ % 3 === 0 ? 3000 : 20,
  }))
  onTestFinished(() => provider.close())
  const shop = await createTestDatabase()
  onTestFinished(() => shop.close())
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const start = async () => {
    const folder = await makeDataFolder()
    const program = await startProgram({
      DATABASE_URL: shop.serverUrl,
      DIRECT_URL: shop.ownerUrl,
      DATA_DIR: folder,
      SIGNING_KEY: JSON.stringify(await exportJWK(privateKey)),
      ENCRYPTION_KEYS: keys,
      COMPATIBLE_BASE_URL: provider.url,
      COMPATIBLE_MODELS: 'test-model',
      MAX_RUNS_PER_USER: '1000',
      LOG_LEVEL: 'silent',
    })
    onTestFinished(async () => {
      await program.stop('SIGKILL')
      await removeDataFolder(folder)
    })
    return program
  }
  const keys = formatKeySet(addKey(null).keySet)
  return { provider, database: shop.database, servers: [await start(), await start()] as const }
}

test('kill -9 of one of two servers in the middle: no unit is lost, none is used twice, and the limit stays exact', {
  timeout: 240_000,
}, async () => {
  const { database, servers } = await startTwo()
  const [dying, living] = servers
  await signUp(living.url, 'admin@example.test')
  const user = await signUp(living.url, 'ada@example.test')
  const { id: userId } = (await (await user.get('/me')).json()) as { id: string }
  await subscribeTestUser(database, userId, { limits: { runs_per_month: limit } })
  const agents = (await (await user.get('/agents?type=customer_service')).json()) as { data: { id: string }[] }
  const agent = await (await user.get(`/agents/${agents.data[0]?.id}`)).json()
  const configured = await user.post('/user-agents', {
    agent_id: agent.id,
    settings: agent.capabilities.example_settings,
  })
  const { id: userAgentId } = (await configured.json()) as { id: string }
  const run = async (url: string) => {
    const response = await fetch(`${url}/api/v1/user-agents/${userAgentId}/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...user.headers },
      body: JSON.stringify({ input: 'Hello' }),
    }).catch(() => null)
    // The end of the answer may be lost, too.
    await response?.text().catch(() => '')
    return response?.status ?? 'gone'
  }
  const rows = (status: string) =>
    database.asSystem('a test counts runs', async (tx) => {
      const found = await tx
        .selectFrom('agent_logs')
        .select('id')
        .where('user_id', '=', userId)
        .where('status', '=', status)
        .execute()
      return found.length
    })

  // Far fewer than the limit has, so that some are cut off in the middle and none is refused.
  const load = Array.from({ length: 60 }, (_, number) => run((number % 2 ? dying : living).url))
  await eventually('some have ended', async () => (await rows('succeeded')) >= 10)
  await dying.stop('SIGKILL')
  await Promise.all(load)
  // The other server need not wait half a minute to notice.
  await database.asSystem('a test lets time pass', (tx) =>
    tx
      .updateTable('server_nodes')
      .set({ heartbeat_at: new Date(Date.now() - 120_000) })
      .where('id', 'in', (from) =>
        from
          .selectFrom('run_reservations')
          .select((select) => select.ref('node_id').$notNull().as('id'))
          .where('node_id', 'is not', null),
      )
      .execute(),
  )
  await eventually('its runs have ended', async () => (await rows('running')) === 0)
  const succeeded = await rows('succeeded')
  expect(await readCounters(database, userId)).toMatchObject({
    ...{ runs: succeeded, running: 0, reservations: 0, reserved_cost_usd: 0 },
  })
  expect(await rows('interrupted')).toBeGreaterThan(0)

  const more = await Promise.all(Array.from({ length: limit }, () => run(living.url)))
  expect(more.filter((status) => status === 200)).toHaveLength(limit - succeeded)
  expect(new Set(more)).toEqual(new Set([200, 429]))
  expect(await rows('succeeded')).toBe(limit)
  expect(await readCounters(database, userId)).toMatchObject({ runs: limit, running: 0, reservations: 0 })
})
