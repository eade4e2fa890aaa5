import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgentOf, exampleCapabilities, publishAgentOf } from '../testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let app: TestApp
let creator: TestUser
let user: TestUser
let admin: TestUser

beforeAll(async () => {
  app = await createTestApp()
  creator = await app.createUser()
  user = await app.createUser()
  admin = await app.createUser('admin')
})
afterAll(() => app.close())

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
async function call(who: TestUser | null, method: Method, path: string, payload?: object) {
  const response = await app.app.inject({
    method,
    url: `/api/v1${path}`,
    ...(who && { headers: who.headers }),
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}

/** A public agent on version 1 that the user has configured. */
async function configured() {
  const agent = await createAgentOf(app, creator)
  await publishAgentOf(app, creator, admin, agent.id)
  const settings = { business_name: 'Beans', tone: 'dry' }
  const { body } = await call(user, 'POST', '/user-agents', { agent_id: agent.id, settings })
  return { agentId: agent.id, path: `/user-agents/${body.id}`, before: body }
}

/** Version 2 asks for an e-mail address and no longer for a tone. */
function newerCapabilities() {
  const { settings, ...rest } = exampleCapabilities({ starters: ['What is new?'] })
  const { tone: _tone, ...properties } = settings.properties as Record<string, unknown>
  const email = { type: 'string', title: 'E-mail', format: 'email' }
  return {
    ...rest,
    settings: { ...settings, properties: { ...properties, email }, required: ['business_name', 'email'] },
    example_settings: { business_name: 'Lamp & Co', email: 'a@example.com' },
  }
}
const edit = (agentId: string, change: object) => call(creator, 'PATCH', `/agents/${agentId}`, change)
const publish = (agentId: string) => publishAgentOf(app, creator, admin, agentId)

test('what was configured stays as it was when the agent changes, and is told what changed', async () => {
  const { agentId, path, before } = await configured()
  await edit(agentId, {
    name: 'Better helper',
    capabilities: newerCapabilities(),
    change_summary: 'Asks for an e-mail.',
  })
  await publish(agentId)
  const { body } = await call(user, 'GET', path)
  expect(body).toEqual({ ...before, agent: { ...before.agent, version: 2 }, update: expect.anything() })
  expect(body.update).toMatchObject({
    version: 2,
    changes: [{ version: 2, summary: 'Asks for an e-mail.' }],
    faults: [
      { path: '/settings/email', message: 'Please fill this in.' },
      { path: '/settings/tone', message: 'This agent has no such setting.' },
    ],
  })
  expect(Object.keys(body.update.settings_schema.properties)).toEqual(['business_name', 'faq', 'email'])
  const { body: page } = await call(user, 'GET', '/user-agents')
  expect(page.data.find((row: { id: string }) => row.id === before.id)).toEqual(body)
})

test('an upgrade takes settings that fit the new form, and only those', async () => {
  const { agentId, path } = await configured()
  await edit(agentId, { capabilities: newerCapabilities() })
  await publish(agentId)
  const unfit = await call(user, 'PATCH', path, { agent_version: 2 })
  expect(unfit).toMatchObject({ status: 422, body: { code: 'invalid_settings' } })
  expect((await call(user, 'GET', path)).body.agent_version).toBe(1)
  const settings = { business_name: 'Beans', email: 'beans@example.com' }
  // The settings of the new form do not fit the old one.
  expect(await call(user, 'PATCH', path, { settings })).toMatchObject({ status: 422 })
  expect(await call(user, 'PATCH', path, { settings, agent_version: 2 })).toMatchObject({
    status: 200,
    body: { agent_version: 2, settings, starters: ['What is new?'], update: null, agent: { version: 2 } },
  })
  expect(await call(user, 'PATCH', path, { agent_version: 1 })).toMatchObject({ status: 409 })
})

test('an upgrade to a form that the settings fit needs nothing but the version', async () => {
  const { agentId, path, before } = await configured()
  await edit(agentId, { capabilities: exampleCapabilities({ starters: ['Hello?'] }) })
  await publish(agentId)
  expect((await call(user, 'GET', path)).body.update.faults).toEqual([])
  expect(await call(user, 'PATCH', path, { agent_version: 2 })).toMatchObject({
    status: 200,
    body: { agent_version: 2, settings: before.settings, starters: ['Hello?'] },
  })
})

test('a draft that is not published yet is neither shown nor reachable', async () => {
  const { agentId, path, before } = await configured()
  await edit(agentId, { name: 'SECRET DRAFT', type: 'sales', capabilities: newerCapabilities() })
  expect((await call(user, 'GET', path)).body).toEqual(before)
  const draft = await call(user, 'PATCH', path, { agent_version: 2 })
  const none = await call(user, 'PATCH', path, { agent_version: 99 })
  expect(draft).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect({ ...draft.body, request_id: '' }).toEqual({ ...none.body, request_id: '' })
  const again = await call(user, 'POST', '/user-agents', { agent_id: agentId, settings: { business_name: 'x' } })
  expect(again).toMatchObject({ status: 404 })
  await publish(agentId)
  // It was there to be hidden.
  expect((await call(user, 'GET', path)).body.update.version).toBe(2)
})

test('the database itself refuses to pin a version that is not visible, and to show it', async () => {
  const { agentId, before } = await configured()
  await edit(agentId, { name: 'SECRET DRAFT' })
  const pin = app.database.withUser(user.claims, (tx) =>
    tx.updateTable('user_agents').set({ agent_version: 2 }).where('id', '=', before.id).execute(),
  )
  await expect(pin).rejects.toMatchObject({ code: 'forbidden' })
  const readVersions = (who: TestUser) =>
    app.database.withUser(who.claims, (tx) =>
      tx.selectFrom('agent_versions').select('version').where('agent_id', '=', agentId).orderBy('version').execute(),
    )
  expect(await readVersions(user)).toEqual([{ version: 1 }])
  expect(await readVersions(creator)).toEqual([{ version: 1 }, { version: 2 }])
})

test('a withdrawn agent goes on for those who configured it, and for nobody else', async () => {
  const { agentId, path, before } = await configured()
  await call(creator, 'DELETE', `/agents/${agentId}/publication`)
  expect(await call(user, 'GET', `/agents/${agentId}`)).toMatchObject({ status: 404 })
  expect((await call(user, 'GET', path)).body).toEqual(before)
  const changed = await call(user, 'PATCH', path, { settings: { business_name: 'New name' } })
  expect(changed).toMatchObject({ status: 200, body: { settings: { business_name: 'New name', tone: 'warm' } } })
  expect(await call(user, 'PATCH', path, { agent_version: 1, is_active: false })).toMatchObject({ status: 200 })
  const again = await call(user, 'POST', '/user-agents', { agent_id: agentId, settings: { business_name: 'x' } })
  expect(again).toMatchObject({ status: 404 })
})

test('an admin is not offered what only waits for their nod', async () => {
  const agent = await createAgentOf(app, creator)
  await publish(agent.id)
  const made = await call(admin, 'POST', '/user-agents', { agent_id: agent.id, settings: { business_name: 'x' } })
  await edit(agent.id, { name: 'Not yet' })
  expect(await call(admin, 'GET', `/agents/${agent.id}`)).toMatchObject({ body: { name: 'Not yet' } })
  expect((await call(admin, 'GET', `/user-agents/${made.body.id}`)).body.update).toBe(null)
  expect(await call(admin, 'PATCH', `/user-agents/${made.body.id}`, { agent_version: 2 })).toMatchObject({
    status: 409,
  })
})

test('of an upgrade and new settings at the same moment, the settings on record fit the version on record', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { agentId, path } = await configured()
    await edit(agentId, { capabilities: newerCapabilities() })
    await publish(agentId)
    const answers = await Promise.all([
      call(user, 'PATCH', path, { agent_version: 2, settings: { business_name: 'B', email: 'b@example.com' } }),
      call(user, 'PATCH', path, { settings: { business_name: 'Old', tone: 'dry' } }),
    ])
    expect(answers.some(({ status }) => status === 200)).toBe(true)
    const { body } = await call(user, 'GET', path)
    expect('email' in body.settings).toBe(body.agent_version === 2)
  }
})
