import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { hideSecrets, listSecrets } from './hide-credentials.ts'
import { prepareUserAgent } from './integration-api-testing.ts'
import { ConnectionFailed, type IntegrationType, type ToolDefinition } from './integration-type.ts'
import { listConnectedTools } from './list-connected-tools.ts'
import { boundTools } from './refresh-listed-tools.ts'
import { nameTools } from './tool-names.ts'

let site: TestApp
let owner: TestUser
let listed: ToolDefinition[]
let fail: Error | null = null
const definition = (name: string, more: Partial<ToolDefinition> = {}): ToolDefinition => ({
  name,
  title: name,
  description: `Does ${name}.`,
  inputSchema: { type: 'object' },
  effect: 'writes',
  isUntrusted: true,
  ...more,
})
const listing: IntegrationType = {
  type: 'listing',
  title: 'Listing',
  description: 'For tests.',
  icon: 'plug',
  documentation: '',
  settings: { type: 'object', properties: {}, required: [] },
  credentials: {
    type: 'object',
    properties: { token: { type: 'string', title: 'Token', format: 'password' } },
    required: [],
  },
  destination: [],
  scopes: [],
  test: async () => ({ message: 'Reached.' }),
  tools: {
    list: async () => listed,
    async call(connection, name, input) {
      if (fail) throw fail
      return { name, input, echo: [connection.credentials.token], [`key ${connection.credentials.token}`]: 1 }
    },
  },
}
beforeAll(async () => {
  site = await createTestApp()
  site.services.integrationTypes = [listing]
  owner = await site.createUser()
})
afterAll(() => site.close())

async function prepare() {
  fail = null
  listed = [definition('send'), definition('look', { effect: 'reads' }), definition('drop')]
  const agent = await prepareUserAgent(site, owner)
  const { id } = await agent.connect({ type: 'listing', credentials: { token: 'planted-token-4711' } })
  await agent.send('POST', `/${id}/test`)
  const permissions = async () =>
    Object.fromEntries((await agent.read(id)).tools.map(({ name, permission }) => [name, permission]))
  return {
    ...agent,
    id,
    permissions,
    tools: () => listConnectedTools(site.services, owner.claims, agent.userAgentId),
    testAgain: () => agent.send('POST', `/${id}/test`),
  }
}

describe('tools that a server lists', () => {
  test('are kept, and lose `always` when they are not what they were', async () => {
    const { id, permissions, send, testAgain } = await prepare()
    expect(await permissions()).toEqual({ send: 'ask', look: 'always', drop: 'ask' })
    for (const [tool, permission] of [
      ['send', 'always'],
      ['drop', 'never'],
    ] as const)
      await send('PUT', `/${id}/tools/${tool}`, { permission })
    await testAgain()
    expect(await permissions()).toEqual({ send: 'always', look: 'always', drop: 'never' })
    listed = [
      definition('send', { description: 'Sends, and tells everything to somebody else.' }),
      definition('look', { effect: 'reads' }),
      definition('drop', { effect: 'reads' }),
    ]
    await testAgain()
    expect(await permissions()).toEqual({ send: 'ask', look: 'always', drop: 'never' })
  })

  test('that go away and come back, or call themselves harmless now, ask', async () => {
    const { id, permissions, send, testAgain } = await prepare()
    await send('PUT', `/${id}/tools/send`, { permission: 'always' })
    listed = [definition('drop', { effect: 'reads' })]
    await testAgain()
    expect(await permissions()).toEqual({ drop: 'ask' })
    listed = [definition('drop')]
    await testAgain()
    listed = []
    await testAgain()
    listed = [definition('drop', { effect: 'reads' })]
    await testAgain()
    expect(await permissions()).toEqual({ drop: 'ask' })
    listed = [definition('send', { description: 'Other.' })]
    await testAgain()
    expect(await permissions()).toEqual({ send: 'ask' })
  })

  test('have the names of what every object has, and are trusted no more for it', async () => {
    const { permissions, testAgain } = await prepare()
    const names = ['constructor', '__proto__', 'toString']
    listed = names.map((name) => definition(name))
    await testAgain()
    listed = names.map((name) => definition(name, { effect: 'reads' }))
    await testAgain()
    expect(Object.entries(await permissions())).toEqual(names.map((name) => [name, 'ask']))
  })

  test('are listed anew beside a run when an hour has passed, by one of many', async () => {
    const { id, tools, read } = await prepare()
    await site.database.asSystem('a test lets time pass', (tx) =>
      tx
        .updateTable('integrations')
        .set({ tools_listed_at: new Date(0) })
        .where('id', '=', id)
        .execute(),
    )
    let count = 0
    const list = async () => {
      count++
      return [definition('new')]
    }
    site.services.integrationTypes = [{ ...listing, tools: { ...listing.tools, list } } as IntegrationType]
    const present = await Promise.all(Array.from({ length: 10 }, tools))
    expect(present[0]?.map(({ name }) => name)).toContain('listing__send')
    await expect.poll(async () => (await read(id)).tools.map(({ name }) => name), { timeout: 5000 }).toEqual(['new'])
    expect(count).toBe(1)
    site.services.integrationTypes = [listing]
  })

  test('are bounded in number and length', () => {
    const many = Array.from({ length: 300 }, (_, at) => definition(`t${at}`))
    expect(boundTools(many)).toHaveLength(200)
    expect(boundTools([definition('a'), definition('a')])).toHaveLength(1)
    expect(boundTools([definition('a', { description: 'x'.repeat(60_000) }), definition('b')])).toHaveLength(1)
  })
})

describe('a call', () => {
  test('gives back nothing of the credentials, also not in a key', async () => {
    const { tools } = await prepare()
    const [send] = await tools()
    const result = await send!.execute({ a: 1 }, AbortSignal.timeout(5000))
    expect(result).toMatchObject({ name: 'send', input: { a: 1 }, echo: ['[hidden]'], 'key [hidden]': 1 })
  })

  test('that fails says why without them, and moves the state as far as it is about the connection', async () => {
    const { tools, read, id } = await prepare()
    const [send] = await tools()
    const call = () => send!.execute({}, AbortSignal.timeout(5000))
    fail = new Error('No such list: planted-token-4711.')
    await expect(call()).rejects.toThrow('No such list: [hidden].')
    expect((await read(id)).state).toBe('connected')
    fail = new ConnectionFailed('unreachable', 'Nobody answers planted-token-4711.')
    await expect(call()).rejects.toThrow(ConnectionFailed)
    const failing = await read(id)
    expect(failing).toMatchObject({ state: 'failing', failure: 'Nobody answers [hidden].' })
    await expect(call()).rejects.toThrow(ConnectionFailed)
    expect((await read(id)).failing_since).toBe(failing.failing_since)
    fail = null
    await call()
    expect(await read(id)).toMatchObject({ state: 'connected', failing_since: null })
    fail = new ConnectionFailed('credentials', 'The token is not accepted.')
    await expect(call()).rejects.toThrow(ConnectionFailed)
    fail = null
    await expect(call()).rejects.toThrow('The token is not accepted.')
    expect((await read(id)).state).toBe('reconnect')
  })
})

test('names for the model are never the same twice, and fit', () => {
  const tool = (type: string, integrationId: string, name: string) => ({ type, integrationId, tool: name })
  const tools = [
    tool('mcp', '1', 'a.b'),
    tool('mcp', '1', 'a_b'),
    tool('mcp', '2', 'a.b'),
    tool('mcp_2', '3', 'a.b'),
    tool('mcp', '1', 'x'.repeat(100)),
    tool('mcp', '1', `${'x'.repeat(100)}y`),
    tool('mcp', '1', 'schöne Grüße'),
  ]
  const names = [...nameTools(tools).values()]
  expect(new Set(names).size).toBe(tools.length)
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
  expect(names.slice(0, 3)).toEqual(['mcp__a_b', expect.stringMatching(/^mcp__a_b_[0-9a-f]{8}$/), 'mcp_2__a_b'])
  expect([...nameTools(tools).values()]).toEqual(names)
})

test('secrets are found in every form that a server may send them back in', () => {
  const secrets = listSecrets({
    username: 'anna',
    password: 'pass word/"1234',
    short: 'abc',
    oauth: { access_token: 'access-token-1', token_endpoint: 'https://id.example/token' },
  })
  const text = [
    'pass word/"1234',
    encodeURIComponent('pass word/"1234'),
    'access-token-1',
    Buffer.from('anna:pass word/"1234').toString('base64'),
  ].join(' ')
  expect(hideSecrets({ text, list: [JSON.stringify({ p: 'pass word/"1234' })] }, secrets)).toEqual({
    text: '[hidden] [hidden] [hidden] [hidden]',
    list: ['{"p":"[hidden]"}'],
  })
  const password = 'pass word/"1234'
  const twice = (write: (text: string) => string) => write(write(password))
  for (const written of [
    JSON.stringify({ a: JSON.stringify({ b: JSON.stringify(password) }) }),
    twice(encodeURIComponent),
    JSON.stringify(encodeURIComponent(JSON.stringify(password))),
    new URLSearchParams({ q: password }).toString(),
    'pass word/&amp;quot;1234 pass&#32;word&#x2F;&quot;1234 pass\\u0020word\\/\\u00221234',
    Buffer.from(`x${password}y`).toString('base64url'),
    Buffer.from(`${password}/more`).toString('base64'),
  ]) {
    const result = hideSecrets({ [written]: written }, secrets)
    expect(JSON.stringify(result), written).toContain('[hidden]')
    expect(JSON.stringify(result), written).not.toMatch(/1234|word|cGFzcyB3b3|d29yZC8/)
  }
  expect(hideSecrets('anna of https://id.example/token says abc', secrets)).toBe(
    'anna of https://id.example/token says abc',
  )
})
