import { setTimeout as sleep } from 'node:timers/promises'
import type { Capabilities } from '../agents/capabilities.ts'
import { capabilitiesSchema } from '../agents/capabilities.ts'
import { toStoredCapabilities } from '../agents/stored-capabilities.ts'
import type { Database } from '../database/database.ts'
import { createId, readIdTime } from '../database/uuid-v7.ts'
import type { App } from '../http/app-types.ts'
import { startTestProvider, type TestProvider, type TestScript } from '../runtime/test-providers/start-test-provider.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

export const providerKey = 'sk-test-never-to-be-seen-4711'

/** The whole server with one language model, which a local provider plays. */
export interface RunTestApp extends TestApp {
  provider: TestProvider
}

export async function createRunTestApp(
  environment: Record<string, string> = {},
  script: TestScript = [],
): Promise<RunTestApp> {
  const provider = await startTestProvider('compatible', script)
  const testApp = await createTestApp({
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_API_KEY: providerKey,
    COMPATIBLE_MODELS: 'test-model',
    ...environment,
  })
  return {
    ...testApp,
    provider,
    async close() {
      await provider.close()
      await testApp.close()
    },
  }
}

const shopCapabilities = {
  instructions: 'You work for {{settings.business_name}}.',
  settings: {
    type: 'object',
    properties: {
      business_name: { type: 'string', title: 'Name' },
      faq: {
        type: 'array',
        title: 'FAQ',
        items: {
          type: 'object',
          properties: { question: { type: 'string', title: 'Q' }, answer: { type: 'string', title: 'A' } },
        },
      },
    },
    required: [],
  },
  tools: ['calculator', 'search_knowledge'],
  knowledge: ['faq'],
}

/** A user agent of this user, of a public agent made for it. Answers its id. */
export async function configureTestAgent(
  database: Database,
  user: Pick<TestUser, 'id'>,
  { settings = {}, capabilities = {}, is_active = true }: TestAgent = {},
): Promise<string> {
  const agentId = createId()
  const userAgentId = createId()
  const whole = capabilitiesSchema.parse({ ...shopCapabilities, ...capabilities })
  const about = {
    name: 'Shop help',
    description: 'Answers customers.',
    capabilities: JSON.stringify(toStoredCapabilities(whole, 'customer_service')),
  }
  await database.asSystem('a test configures an agent', async (tx) => {
    await tx
      .insertInto('agents')
      .values({ id: agentId, type: 'customer_service', is_public: true, ...about })
      .execute()
    await tx
      .insertInto('agent_versions')
      .values({ agent_id: agentId, version: 1, ...about })
      .execute()
    await tx
      .insertInto('user_agents')
      .values({
        id: userAgentId,
        user_id: user.id,
        agent_id: agentId,
        agent_version: 1,
        name: 'Shop help',
        is_active,
        settings: JSON.stringify({ business_name: 'The Lamp Shop', ...settings }),
      })
      .execute()
  })
  return userAgentId
}

interface TestAgent {
  settings?: Record<string, unknown>
  capabilities?: Partial<Capabilities>
  is_active?: boolean
}

export interface RunBody {
  input: unknown
  conversation_id?: string
  stream?: boolean
}

export async function postRun(app: App, headers: Record<string, string>, userAgentId: string, payload: RunBody) {
  return app.inject({ method: 'POST', url: `/api/v1/user-agents/${userAgentId}/runs`, headers, payload })
}

/** The row as it stands, past row-level security; null when there is none. */
export function findLogRow(database: Database, id: string) {
  return database.asSystem('a test looks at a log', async (tx) => {
    const row = await tx
      .selectFrom('agent_logs')
      .selectAll()
      .where('id', '=', id)
      .where('timestamp', '=', readIdTime(id))
      .executeTakeFirst()
    return row ?? null
  })
}

export function listLogRows(database: Database, userAgentId: string) {
  return database.asSystem('a test looks at logs', (tx) =>
    tx.selectFrom('agent_logs').selectAll().where('user_agent_id', '=', userAgentId).orderBy('id').execute(),
  )
}

/** Asks again until there is an answer; a slow machine has all the time it needs. */
export async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(20)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`It did not happen: ${what}`)
}

/** The app on a real port, for streams and for callers that hang up. */
export async function listen(app: App): Promise<string> {
  return app.listen({ port: 0, host: '127.0.0.1' })
}

export function fetchRun(
  url: string,
  headers: Record<string, string>,
  userAgentId: string,
  body: RunBody,
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${url}/api/v1/user-agents/${userAgentId}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...init,
  })
}
