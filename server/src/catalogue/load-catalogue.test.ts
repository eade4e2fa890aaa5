import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { exampleCapabilities } from '../testing/agent-fixtures.ts'
import { closeAfterTest, createTestApp, type TestApp } from '../testing/test-app.ts'
import { type CatalogueAgent, catalogueAgentSchema } from './catalogue-schemas.ts'
import { loadCatalogue } from './load-catalogue.ts'
import { type Catalogue, readCatalogue } from './read-catalogue.ts'

let app: TestApp
beforeEach(async () => {
  app = await createTestApp()
  closeAfterTest(app)
})

function agentFile(slug: string, change: Partial<CatalogueAgent> = {}): CatalogueAgent {
  const version = change.version ?? 1
  const changes = Array.from({ length: version }, (_, index) => ({
    version: version - index,
    summary: `Summary of ${version - index}.`,
  }))
  return catalogueAgentSchema.parse({
    slug,
    version,
    name: `Agent ${slug}`,
    description: 'Helps.',
    type: 'customer_service',
    changes,
    capabilities: exampleCapabilities(),
    ...change,
  })
}
const load = (agents: CatalogueAgent[], plans: Catalogue['plans'] = []) =>
  loadCatalogue(app.database, { agents, plans })
const nothing = { created: 0, updated: 0, withdrawn: 0 }

async function readRows() {
  return app.database.asSystem('a test looks', async (tx) => ({
    agents: await tx.selectFrom('agents').selectAll().orderBy('slug').execute(),
    versions: await tx.selectFrom('agent_versions').selectAll().orderBy('agent_id').orderBy('version').execute(),
    plans: await tx.selectFrom('plans').selectAll().orderBy('position').execute(),
  }))
}

async function call(method: 'GET' | 'POST', path: string, headers: object, payload?: object) {
  const response = await app.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...headers },
    ...(payload && { payload }),
  })
  return response.json()
}

async function configure(slug: string) {
  const user = await app.createUser()
  const { agents } = await readRows()
  const agent_id = agents.find((agent) => agent.slug === slug)!.id
  const made = await call('POST', '/user-agents', user.headers, { agent_id, settings: { business_name: 'Beans' } })
  return { user, path: `/user-agents/${made.id}`, made }
}

test('the catalogue of this product loads; twice changes nothing', async () => {
  const catalogue = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  const first = await loadCatalogue(app.database, catalogue)
  expect(first).toEqual({ created: catalogue.agents.length, updated: 0, withdrawn: 0 })
  const rows = await readRows()
  expect(await loadCatalogue(app.database, catalogue)).toEqual(nothing)
  expect(await readRows()).toEqual(rows)
  // What strangers see is what the files say, with each form in its order.
  const { data } = await call('GET', '/agents?limit=200', {})
  expect(data).toHaveLength(catalogue.agents.length)
  for (const file of catalogue.agents) {
    const { id } = data.find((agent: { slug: string }) => agent.slug === file.slug)
    const { capabilities } = await call('GET', `/agents/${id}`, {})
    expect(capabilities).toEqual(file.capabilities)
    expect(Object.keys(capabilities.settings.properties)).toEqual(Object.keys(file.capabilities.settings.properties))
  }
})

test('the example of every catalogue agent fills its form', async () => {
  await loadCatalogue(app.database, await readCatalogue(join(import.meta.dirname, '../../../catalogue')))
  // More agents than the free plan has.
  const user = await app.createUser('admin')
  const { agents } = await readRows()
  for (const { id } of agents) {
    const { capabilities } = await call('GET', `/agents/${id}`, {})
    const payload = { agent_id: id, settings: capabilities.example_settings }
    expect(await call('POST', '/user-agents', user.headers, payload)).toMatchObject({ agent_id: id, update: null })
  }
})

test('nodes that start at once load it once', async () => {
  const files = [agentFile('one'), agentFile('two')]
  const loads = await Promise.all(Array.from({ length: 4 }, () => load(files)))
  expect(loads.map(({ created }) => created).sort()).toEqual([0, 0, 0, 2])
  const { agents, versions } = await readRows()
  expect([agents.length, versions.length]).toEqual([2, 2])
})

describe('an upgraded file', () => {
  test('becomes a version beside the old one; what was configured stays as it was and is told', async () => {
    await load([agentFile('shop')])
    const { user, path, made } = await configure('shop')
    const newer = agentFile('shop', {
      version: 2,
      name: 'Newer',
      capabilities: { ...agentFile('shop').capabilities, starters: ['New?'] },
    })
    expect(await load([newer])).toEqual({ ...nothing, updated: 1 })
    const read = await call('GET', path, user.headers)
    expect(read).toEqual({ ...made, agent: { ...made.agent, version: 2 }, update: expect.anything() })
    expect(read.update).toMatchObject({ version: 2, changes: [{ version: 2, summary: 'Summary of 2.' }], faults: [] })
    const { agents, versions } = await readRows()
    expect(agents).toMatchObject([{ name: 'Newer', version: 2, is_public: true }])
    expect(versions.map(({ version, name }) => [version, name])).toEqual([
      [1, 'Agent shop'],
      [2, 'Newer'],
    ])
    expect(await load([newer])).toEqual(nothing)
  })

  test('is not undone by an older node that starts later', async () => {
    await load([agentFile('shop', { version: 2, name: 'Newer' })])
    expect(await load([agentFile('shop')])).toEqual(nothing)
    expect((await readRows()).agents).toMatchObject([{ name: 'Newer', version: 2 }])
  })
})

describe('a file changed under the same version', () => {
  test('is taken over in place while nobody runs on it', async () => {
    await load([agentFile('shop')])
    expect(await load([agentFile('shop', { description: 'Helps well.', type: 'sales' })])).toEqual({
      ...nothing,
      updated: 1,
    })
    const { agents, versions } = await readRows()
    expect(agents).toMatchObject([{ description: 'Helps well.', type: 'sales', version: 1 }])
    expect(versions).toMatchObject([{ description: 'Helps well.', version: 1 }])
    expect(versions).toHaveLength(1)
  })

  test('is refused with a word on what to do when somebody does, and nothing is half loaded', async () => {
    await load([agentFile('shop')])
    await configure('shop')
    const before = await readRows()
    const changed = [agentFile('another'), agentFile('shop', { description: 'Helps well.' })]
    await expect(load(changed)).rejects.toThrow(
      /"shop" was changed.*1 configured agent runs.*Raise "version" in shop\.json to 2/,
    )
    expect(await readRows()).toEqual(before)
  })

  test('that differs only in the words on its changes is taken over', async () => {
    await load([agentFile('shop')])
    await configure('shop')
    expect(await load([agentFile('shop', { changes: [{ version: 1, summary: 'Better said.' }] })])).toMatchObject({
      updated: 1,
    })
    expect((await readRows()).agents[0]!.changes).toEqual([{ version: 1, summary: 'Better said.' }])
  })
})

test('an agent whose file is gone is withdrawn, not deleted, and comes back with the file', async () => {
  await load([agentFile('shop'), agentFile('stays')])
  const { user, path, made } = await configure('shop')
  const rest = [agentFile('stays')]
  expect(await load(rest)).toEqual({ ...nothing, withdrawn: 1 })
  expect(await load(rest)).toEqual(nothing)
  expect((await call('GET', '/agents', {})).data.map((agent: { slug: string }) => agent.slug)).toEqual(['stays'])
  expect(await call('GET', path, user.headers)).toEqual(made)
  expect(await load([agentFile('shop'), ...rest])).toEqual({ ...nothing, updated: 1 })
  expect(await call('GET', path, user.headers)).toEqual(made)
})

test('agents of users are left alone', async () => {
  const user = await app.createUser()
  const capabilities = exampleCapabilities()
  const body = { name: 'Mine', description: 'Mine.', type: 'other', capabilities }
  const made = await call('POST', '/agents', user.headers, body)
  await load([agentFile('shop')])
  expect(await call('GET', `/agents/${made.id}`, user.headers)).toEqual(made)
})

test('an admin cannot decline what came with the product, and nobody can change it', async () => {
  await load([agentFile('shop')])
  const admin = await app.createUser('admin')
  const { id } = (await readRows()).agents[0]!
  const declined = await call('POST', `/admin/agents/${id}/publication`, admin.headers, { decision: 'decline' })
  expect(declined).toMatchObject({ status: 409, code: 'conflict' })
  const patched = await app.app.inject({
    method: 'PATCH',
    url: `/api/v1/agents/${id}`,
    headers: admin.headers,
    payload: { name: 'x' },
  })
  expect(patched.statusCode).toBe(404)
  expect(await call('GET', `/agents/${id}`, {})).toMatchObject({ name: 'Agent shop', is_public: true, creator: null })
})

test('plans are added once: what an admin changed, archived or made the default is never written over', async () => {
  const { plans } = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  await load([], plans)
  const before = (await readRows()).plans
  expect(before.map(({ slug, is_default }) => [slug, is_default]).sort()).toEqual([
    ['enterprise', false],
    ['free', true],
    ['professional', false],
    ['starter', false],
  ])
  await app.database.asSystem('an admin changes plans', async (tx) => {
    await tx.updateTable('plans').set({ is_default: false, name: 'Gratis' }).where('slug', '=', 'free').execute()
    await tx
      .updateTable('plans')
      .set({ price: '59.00', archived_at: new Date() })
      .where('slug', '=', 'starter')
      .execute()
  })
  const changed = (await readRows()).plans
  await load([], plans)
  expect((await readRows()).plans).toEqual(changed)
  const [free] = plans
  await load([], [{ ...free!, slug: 'newer', name: 'Newer', is_default: true }])
  const after = (await readRows()).plans
  expect(after).toHaveLength(plans.length + 1)
  // No plan was the default any more, and nobody is there whom it would limit.
  expect(after.filter((plan) => plan.is_default).map(({ slug }) => slug)).toEqual(['newer'])
})

test('an upgrade limits nobody: where there are users already, no plan becomes the default by itself', async () => {
  const { plans } = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  await app.createUser()
  await load([], plans)
  expect((await readRows()).plans.filter((plan) => plan.is_default)).toEqual([])
})
