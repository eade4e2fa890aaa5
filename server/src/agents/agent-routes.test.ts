import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAgentOf, exampleAgent, exampleCapabilities, publishAgentOf } from '../testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let app: TestApp
let creator: TestUser
let other: TestUser
let admin: TestUser

beforeAll(async () => {
  app = await createTestApp()
  creator = await app.createUser()
  other = await app.createUser()
  admin = await app.createUser('admin')
})
afterAll(() => app.close())

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
async function call(user: TestUser | null, method: Method, path: string, payload?: object) {
  const response = await app.app.inject({
    method,
    url: `/api/v1${path}`,
    ...(user && { headers: user.headers }),
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const idsOf = (body: { data: { id: string }[] }) => body.data.map((agent) => agent.id)
const configure = (user: TestUser, agentId: string) =>
  call(user, 'POST', '/user-agents', { agent_id: agentId, settings: { business_name: 'Beans' } })

describe('making', () => {
  test('an agent comes back as it was sent, with its form in order, private and at version 1', async () => {
    const { status, body } = await call(creator, 'POST', '/agents', exampleAgent())
    expect(status).toBe(201)
    expect(body).toMatchObject({
      name: 'Shop helper',
      slug: null,
      is_public: false,
      is_mine: true,
      version: 1,
      publication: 'private',
      creator: { id: creator.id, name: 'Test' },
      starters: ['Do you ship abroad?'],
      changes: [{ version: 1, summary: 'First version.' }],
    })
    const { body: read } = await call(creator, 'GET', `/agents/${body.id}`)
    expect(Object.keys(read.capabilities.settings.properties)).toEqual(['business_name', 'faq', 'tone'])
    expect(Object.keys(read.capabilities.settings.properties.faq.items.properties)).toEqual([
      'question',
      'answer',
      'kind',
    ])
    expect(read).toEqual(body)
    expect(JSON.stringify(read)).not.toContain('field_order')
  })

  test('a stranger must sign in', async () => {
    expect(await call(null, 'POST', '/agents', exampleAgent())).toMatchObject({ status: 401 })
  })

  test.each([
    ['id', '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'],
    ['creator_id', '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'],
    ['is_public', true],
    ['slug', 'mine'],
    ['version', 7],
    ['changes', []],
    ['publication', 'public'],
    ['created_at', '2020-01-01T00:00:00.000Z'],
  ])('%s cannot be set by hand, neither at first nor later', async (field, value) => {
    const made = await call(creator, 'POST', '/agents', exampleAgent({ [field]: value }))
    expect(made).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    if (field === 'version') return
    const agent = await createAgentOf(app, creator)
    const changed = await call(creator, 'PATCH', `/agents/${agent.id}`, { [field]: value })
    expect(changed).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect((await call(creator, 'GET', `/agents/${agent.id}`)).body).toEqual(agent)
  })

  test('faults of the capabilities come with their place', async () => {
    const capabilities = exampleCapabilities({ instructions: 'Hi {{settings.nobody}}', starters: [''] })
    expect(await call(creator, 'POST', '/agents', exampleAgent({ capabilities }))).toMatchObject({
      status: 422,
      body: { code: 'invalid_capabilities', errors: [{ path: '/capabilities/starters/0' }] },
    })
    const half = exampleCapabilities({ instructions: 'Hi {{settings.nobody}}' })
    expect(await call(creator, 'POST', '/agents', exampleAgent({ capabilities: half }))).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/capabilities/instructions' }] },
    })
    for (const broken of [null, 'x', 1]) {
      expect(await call(creator, 'POST', '/agents', exampleAgent({ capabilities: broken }))).toMatchObject({
        status: 400,
      })
    }
    expect(await call(creator, 'POST', '/agents', exampleAgent({ capabilities: [] }))).toMatchObject({ status: 422 })
  })

  test('hostile texts are kept as they are or refused', async () => {
    const name = `'; drop table agents; -- <img src=x onerror=1>`
    expect(await createAgentOf(app, creator, { name })).toMatchObject({ name })
    expect(await call(creator, 'POST', '/agents', exampleAgent({ name: 'a\u0000' }))).toMatchObject({ status: 400 })
    expect(await call(creator, 'POST', '/agents', exampleAgent({ type: 'weapon' }))).toMatchObject({ status: 400 })
  })

  test('a body nested 100,000 deep is refused', async () => {
    const payload = JSON.stringify(exampleAgent()).replace('"Lamp & Co"', '['.repeat(100_000) + ']'.repeat(100_000))
    const headers = { ...creator.headers, 'content-type': 'application/json' }
    const response = await app.app.inject({ method: 'POST', url: '/api/v1/agents', headers, payload })
    expect(response.statusCode).toBe(422)
  })

  test('at most 200 fit, also when they come at once', async () => {
    const busy = await app.createUser()
    await app.database.asSystem('a test fills up', async (tx) => {
      const [first] = await tx.selectFrom('agents').selectAll().limit(1).execute()
      const ids = Array.from(
        { length: 197 },
        (_, index) => `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
      )
      const values = ids.map((id) => ({ ...first!, id, creator_id: busy.id, changes: '[]' }))
      await tx.insertInto('agents').values(values).execute()
    })
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(busy, 'POST', '/agents', exampleAgent())))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409, 409, 409, 409, 409])
  })
})

describe('seeing', () => {
  test('a private agent is there for its creator alone', async () => {
    const { id } = await createAgentOf(app, creator, { name: 'Secret helper' })
    for (const user of [other, null, admin]) {
      expect(await call(user, 'GET', `/agents/${id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(idsOf((await call(user, 'GET', '/agents?search=Secret helper')).body)).toEqual([])
    }
    expect(await call(creator, 'GET', `/agents/${id}`)).toMatchObject({ status: 200 })
    expect(idsOf((await call(creator, 'GET', '/agents?search=secret%20HELPER')).body)).toEqual([id])
  })

  test('a public agent is there for everybody, with its instructions and the name of its creator, not the e-mail', async () => {
    const { id } = await createAgentOf(app, creator, { name: 'Open helper' })
    await publishAgentOf(app, creator, admin, id)
    for (const user of [other, null]) {
      const { status, body } = await call(user, 'GET', `/agents/${id}`)
      expect(status).toBe(200)
      expect(body).toMatchObject({ is_mine: false, publication: 'public', creator: { id: creator.id, name: 'Test' } })
      expect(body.capabilities.instructions).toContain('You answer customers')
      expect(JSON.stringify(body)).not.toContain('@example.test')
      expect(idsOf((await call(user, 'GET', '/agents?search=open helper')).body)).toEqual([id])
    }
  })

  test('`mine` lists only what one made, and asks strangers to sign in', async () => {
    const { id } = await createAgentOf(app, other, { name: 'Of the other' })
    await publishAgentOf(app, other, admin, id)
    const { body } = await call(creator, 'GET', '/agents?mine=true&limit=200')
    expect(body.data.length).toBeGreaterThan(0)
    expect(body.data.every((agent: { is_mine: boolean }) => agent.is_mine)).toBe(true)
    expect(idsOf((await call(creator, 'GET', '/agents?limit=200')).body)).toContain(id)
    expect(await call(null, 'GET', '/agents?mine=true')).toMatchObject({ status: 401 })
  })

  test('signs that SQL takes for wildcards are searched for as they are', async () => {
    const user = await app.createUser()
    const { id } = await createAgentOf(app, user, { name: '100%_off\\' })
    await createAgentOf(app, user, { name: '100 and off' })
    for (const search of ['100%', '%_off', '_', 'off\\']) {
      const { body } = await call(user, 'GET', `/agents?mine=true&search=${encodeURIComponent(search)}`)
      expect(idsOf(body)).toEqual([id])
    }
    expect(await call(user, 'GET', '/agents?search=%00')).toMatchObject({ status: 400 })
  })

  test('the type is a filter', async () => {
    const { id } = await createAgentOf(app, creator, { type: 'recruiting' })
    expect(idsOf((await call(creator, 'GET', '/agents?type=recruiting')).body)).toEqual([id])
    expect(await call(creator, 'GET', '/agents?type=weapon')).toMatchObject({ status: 400 })
  })

  test('pages follow each other by name, catalogue first, without gap or double', async () => {
    const user = await app.createUser()
    const names = ['Zebra', 'apple', 'Äpfel', 'banana', 'Banana', 'apple', '"quoted"']
    for (const name of names) await createAgentOf(app, user, { name })
    await app.database.asSystem('a test makes a catalogue agent', async (tx) => {
      const row = await tx
        .selectFrom('agents')
        .selectAll()
        .where('creator_id', '=', user.id)
        .limit(1)
        .executeTakeFirstOrThrow()
      const id = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9999'
      await tx
        .insertInto('agents')
        .values({ ...row, id, name: 'Zz catalogue', slug: 'zz', creator_id: null, is_public: true, changes: '[]' })
        .execute()
    })
    const seen: string[] = []
    let cursor = ''
    do {
      const { status, body } = await call(user, 'GET', `/agents?limit=2${cursor && `&cursor=${cursor}`}`)
      expect(status).toBe(200)
      seen.push(...idsOf(body))
      cursor = body.next_cursor ?? ''
    } while (cursor)
    const whole = (await call(user, 'GET', '/agents?limit=200')).body.data
    expect(seen).toEqual(whole.map((agent: { id: string }) => agent.id))
    expect(new Set(seen).size).toBe(seen.length)
    expect(whole[0].slug).toBe('zz')
    const mine = (await call(user, 'GET', '/agents?mine=true')).body.data.map((agent: { name: string }) => agent.name)
    expect(mine.indexOf('Zebra')).toBeGreaterThan(mine.indexOf('banana'))
    expect(mine).toHaveLength(names.length)
  })

  test.each([
    'x',
    'bnVsbA',
    Buffer.from('[true,"a\\u0000","019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9999"]').toString('base64url'),
  ])('the cursor %s, which is not ours, is refused', async (cursor) => {
    expect(await call(null, 'GET', `/agents?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { errors: [{ path: '/cursor' }] },
    })
  })
})

describe('changing', () => {
  test('a change makes a version with a summary; the same content again makes none', async () => {
    const agent = await createAgentOf(app, creator)
    const edit = { description: 'Answers in French too.', change_summary: 'Also answers in French.' }
    const { body } = await call(creator, 'PATCH', `/agents/${agent.id}`, edit)
    expect(body).toMatchObject({
      version: 2,
      name: 'Shop helper',
      description: 'Answers in French too.',
      changes: [
        { version: 2, summary: 'Also answers in French.' },
        { version: 1, summary: 'First version.' },
      ],
    })
    const again = { ...edit, capabilities: agent.capabilities, type: agent.type, name: agent.name }
    expect((await call(creator, 'PATCH', `/agents/${agent.id}`, again)).body).toEqual(body)
    expect((await call(creator, 'PATCH', `/agents/${agent.id}`, {})).body).toEqual(body)
    const typed = await call(creator, 'PATCH', `/agents/${agent.id}`, { type: 'sales' })
    expect(typed.body).toMatchObject({ version: 3, type: 'sales', changes: [{ summary: 'Changed.' }, {}, {}] })
  })

  test('others cannot, whether they see it or not', async () => {
    const hidden = await createAgentOf(app, creator)
    const shown = await createAgentOf(app, creator)
    await publishAgentOf(app, creator, admin, shown.id)
    for (const { id } of [hidden, shown]) {
      const before = (await call(creator, 'GET', `/agents/${id}`)).body
      for (const user of [other, admin]) {
        expect(await call(user, 'PATCH', `/agents/${id}`, { name: 'Mine now' })).toMatchObject({ status: 404 })
        expect(await call(user, 'DELETE', `/agents/${id}?force=true`)).toMatchObject({ status: 404 })
        expect(await call(user, 'POST', `/agents/${id}/publication`)).toMatchObject({ status: 404 })
        expect(await call(user, 'DELETE', `/agents/${id}/publication`)).toMatchObject({ status: 404 })
      }
      expect(await call(null, 'PATCH', `/agents/${id}`, { name: 'Mine now' })).toMatchObject({ status: 401 })
      expect(await call(null, 'DELETE', `/agents/${id}`)).toMatchObject({ status: 401 })
      expect(await call(null, 'POST', `/agents/${id}/publication`)).toMatchObject({ status: 401 })
      expect(await call(null, 'DELETE', `/agents/${id}/publication`)).toMatchObject({ status: 401 })
      expect((await call(creator, 'GET', `/agents/${id}`)).body).toEqual(before)
    }
  })

  test('of edits at the same moment none is lost silently', async () => {
    const { id } = await createAgentOf(app, creator)
    const edits = Array.from({ length: 5 }, (_, index) =>
      call(creator, 'PATCH', `/agents/${id}`, { name: `Name ${index}` }),
    )
    const answers = await Promise.all(edits)
    const { body } = await call(creator, 'GET', `/agents/${id}`)
    const accepted = answers.filter(({ status }) => status === 200)
    expect(accepted.length).toBeGreaterThan(0)
    expect(body.version).toBe(1 + accepted.length)
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
  })

  test('an edit that began at an older version is refused', async () => {
    const { id } = await createAgentOf(app, creator)
    expect(await call(creator, 'PATCH', `/agents/${id}`, { name: 'First', version: 1 })).toMatchObject({ status: 200 })
    const late = await call(creator, 'PATCH', `/agents/${id}`, { name: 'Second', version: 1 })
    expect(late).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await call(creator, 'GET', `/agents/${id}`)).body.name).toBe('First')
  })

  test('faults are refused and change nothing', async () => {
    const agent = await createAgentOf(app, creator)
    const capabilities = exampleCapabilities({ instructions: '{{settings.nobody}}' })
    expect(await call(creator, 'PATCH', `/agents/${agent.id}`, { capabilities })).toMatchObject({
      status: 422,
      body: { code: 'invalid_capabilities' },
    })
    expect((await call(creator, 'GET', `/agents/${agent.id}`)).body).toEqual(agent)
  })
})

describe('deleting', () => {
  test('an agent that nobody configured is gone, with its versions', async () => {
    const { id } = await createAgentOf(app, creator)
    await call(creator, 'PATCH', `/agents/${id}`, { name: 'Second' })
    expect(await call(creator, 'DELETE', `/agents/${id}`)).toEqual({ status: 204, body: null })
    expect(await call(creator, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
    expect(await call(creator, 'DELETE', `/agents/${id}`)).toMatchObject({ status: 404 })
    const versions = await app.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('agent_versions').select('version').where('agent_id', '=', id).execute(),
    )
    expect(versions).toEqual([])
  })

  test('what its creator configured stays unless they say so', async () => {
    const { id } = await createAgentOf(app, creator)
    const userAgent = (await configure(creator, id)).body
    expect(await call(creator, 'DELETE', `/agents/${id}`)).toMatchObject({
      status: 409,
      body: { code: 'agent_in_use' },
    })
    expect(await call(creator, 'GET', `/user-agents/${userAgent.id}`)).toMatchObject({ status: 200 })
    expect(await call(creator, 'DELETE', `/agents/${id}?force=true`)).toMatchObject({ status: 204 })
    expect(await call(creator, 'GET', `/user-agents/${userAgent.id}`)).toMatchObject({ status: 404 })
  })

  test('an agent that others configured stays, and so does what its creator configured', async () => {
    const { id } = await createAgentOf(app, creator)
    await publishAgentOf(app, creator, admin, id)
    const own = (await configure(creator, id)).body
    const theirs = (await configure(other, id)).body
    for (const query of ['', '?force=true']) {
      const answer = await call(creator, 'DELETE', `/agents/${id}${query}`)
      expect(answer).toMatchObject({ status: 409, body: { code: 'agent_in_use' } })
    }
    expect(await call(creator, 'GET', `/user-agents/${own.id}`)).toMatchObject({ status: 200 })
    expect(await call(other, 'GET', `/user-agents/${theirs.id}`)).toMatchObject({ status: 200 })
  })
})
