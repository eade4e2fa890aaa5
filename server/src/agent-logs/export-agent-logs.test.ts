import { get as httpGet, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../database/database.ts'
import { closeAfterTest, createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { insertTestLog, insertTestLogs, insertTestUserAgent } from './agent-log-testing.ts'

let server: TestApp
let user: TestUser
let other: TestUser

beforeAll(async () => {
  server = await createTestApp()
  user = await server.createUser()
  other = await server.createUser()
  await insertTestLogs(server.database, user.id, { count: 20_000, stepMs: 60_000 })
})
afterAll(() => server.close())

function download(who: TestUser, query: string) {
  return server.app.inject({ url: `/api/v1/agent-logs/export?${query}`, headers: who.headers })
}

const linesOf = (text: string) =>
  text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))

/** Reads RFC 4180 strictly: throws where a quote stands in a place it may not. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  let at = 0
  while (at < text.length) {
    const cell = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/s.exec(text.slice(at, at + 100_000))
    if (!cell) throw new Error(`not RFC 4180 at ${at}: ${text.slice(at, at + 40)}`)
    rows.at(-1)!.push(cell[1]?.replaceAll('""', '"') ?? cell[2] ?? '')
    if (cell[3] === '\r\n') rows.push([])
    at += cell[0].length
  }
  expect(rows.pop()).toEqual([])
  return rows
}

describe('20,000 runs', () => {
  test('as NDJSON are all there once, newest first, and nothing of it is anybody else’s', async () => {
    expect((await download(other, 'format=ndjson')).body).toBe('')
    const answer = await download(user, 'format=ndjson')
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
    expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="agent-logs-\d{4}-\d\d-\d\d\.ndjson"$/)
    const logs = linesOf(answer.body)
    expect(logs).toHaveLength(20_000)
    expect(logs.map((log) => log.input)).toEqual(Array.from({ length: 20_000 }, (_, n) => `Question ${20_000 - n}`))
    expect(logs[0]).toMatchObject({ metadata: { steps: [], citations: [] }, rating_comment: null })
  })

  test('as CSV are all there once, with their line breaks and quotes', async () => {
    const answer = await download(user, 'format=csv&order=asc')
    expect(answer.headers['content-type']).toMatch(/^text\/csv; charset=utf-8/)
    const [head, ...rows] = parseCsv(answer.body)
    expect(head?.slice(0, 3)).toEqual(['id', 'timestamp', 'agent_id'])
    expect(rows).toHaveLength(20_000)
    const input = head!.indexOf('input')
    const output = head!.indexOf('output')
    expect(rows[0]![input]).toBe('Question 1')
    expect(
      rows.every((row, n) => row.length === head!.length && row[output] === `Answer, "${n + 1}"\nsecond line`),
    ).toBe(true)
  })

  test('are filtered as the list is', async () => {
    const range = 'from=2026-11-01T10:00:00.000Z&to=2026-11-01T20:00:00.000Z&search=question%2011&status=succeeded'
    const listed = await server.app.inject({ url: `/api/v1/agent-logs?limit=200&${range}`, headers: user.headers })
    const exported = linesOf((await download(user, range)).body)
    expect(exported.length).toBeGreaterThan(5)
    expect(exported.map((log) => log.id)).toEqual(listed.json().data.map((log: { id: string }) => log.id))
  })
})

test('an export holds what the detail holds', async () => {
  const owner = await server.createUser()
  const { agentId, userAgentId } = await insertTestUserAgent(server.database, owner.id)
  const citation = { number: 1, title: 'FAQ', path: '/faq/0', excerpt: 'Yes.' }
  const id = await insertTestLog(server.database, {
    user_id: owner.id,
    agent_id: agentId,
    user_agent_id: userAgentId,
    metadata: { steps: [], citations: [citation] },
  })
  const detail = await server.app.inject({ url: `/api/v1/agent-logs/${id}`, headers: owner.headers })
  expect(linesOf((await download(owner, '')).body)).toEqual([detail.json()])
})

test('what a spreadsheet would run is defused in CSV, numbers and NDJSON stay', async () => {
  const owner = await server.createUser()
  const nasty = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '=HYPERLINK("http://x","y")']
  for (const input of nasty)
    await insertTestLog(server.database, { user_id: owner.id, input, output: 'Grüße, 世界 🎉' })
  const [id] = linesOf((await download(owner, '')).body).map((log) => log.id)
  await server.app.inject({
    method: 'PUT',
    url: `/api/v1/agent-logs/${id}/rating`,
    headers: owner.headers,
    payload: { rating: -1, comment: '=2' },
  })
  const [head, ...rows] = parseCsv((await download(owner, 'format=csv')).body)
  const column = (name: string) => rows.map((row) => row[head!.indexOf(name)])
  expect(column('input').toReversed()).toEqual(nasty.map((text) => `'${text}`))
  expect(column('output')[0]).toBe('Grüße, 世界 🎉')
  expect(column('rating')[0]).toBe('-1')
  expect(column('rating_comment')[0]).toBe("'=2")
  expect(linesOf((await download(owner, 'order=asc')).body).map((log) => log.input)).toEqual(nasty)
})

test('an export without a run is an empty file, as CSV only the head', async () => {
  expect((await download(other, 'format=ndjson')).body).toBe('')
  expect(parseCsv((await download(other, 'format=csv')).body)).toHaveLength(1)
})

test.each(['format=xml', 'search=%00', 'cursor=x', 'limit=1'])('%s is refused', async (query) => {
  const answer = await download(user, query)
  expect(answer.statusCode).toBe(400)
  expect(answer.json().code).toBe('invalid_request')
})

/** A listening server whose transactions are counted and can be made to fail. */
async function listen(failAfter = Number.POSITIVE_INFINITY) {
  const count = { transactions: 0 }
  const counting: Database = {
    ...server.database,
    withUser: (claims, work) => {
      count.transactions += 1
      if (count.transactions > failAfter) throw new Error('the database went away')
      return server.database.withUser(claims, work)
    },
  }
  const listening = await createTestApp({}, { database: counting })
  closeAfterTest(listening)
  await listening.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = listening.app.server.address() as AddressInfo
  const open = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpGet({ port, path: '/api/v1/agent-logs/export', headers: user.headers }, resolve)
      request.on('error', reject)
    })
  return { count, open }
}

/** The number of transactions once it stands still. */
async function settle(count: { transactions: number }): Promise<number> {
  let before = -1
  while (before !== count.transactions) {
    before = count.transactions
    await sleep(300)
  }
  return before
}

describe('a slow or broken client', () => {
  test('that does not read makes the server stop reading, then gets the rest', async () => {
    const { count, open } = await listen()
    const response = await open()
    const stalled = await settle(count)
    expect(stalled).toBeLessThan(40)
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += chunk
    expect(linesOf(body)).toHaveLength(20_000)
    expect(count.transactions).toBe(41)
  })

  test('that goes away ends the export', async () => {
    const { count, open } = await listen()
    const response = await open()
    response.destroy()
    expect(await settle(count)).toBeLessThan(40)
  })

  test('sees a download that fails in the middle as broken, not as complete', async () => {
    const { open } = await listen(3)
    const response = await open()
    expect(response.statusCode).toBe(200)
    const reading = (async () => {
      for await (const _chunk of response);
    })()
    await expect(reading).rejects.toThrow(/aborted/)
    expect(response.complete).toBe(false)
  })

  test('gets a proper error when the export fails before it begins', async () => {
    const { open } = await listen(0)
    const response = await open()
    expect(response.statusCode).toBe(500)
    expect(response.headers['content-type']).toMatch(/problem\+json/)
    response.destroy()
  })
})

test('long texts make small pages, so that memory does not grow with them', async () => {
  const owner = await server.createUser()
  const input = 'long '.repeat(200_000)
  for (let n = 0; n < 12; n++) await insertTestLog(server.database, { user_id: owner.id, input })
  let transactions = 0
  const counting: Database = {
    ...server.database,
    withUser: (claims, work) => {
      transactions += 1
      return server.database.withUser(claims, work)
    },
  }
  const app = await createTestApp({}, { database: counting })
  closeAfterTest(app)
  const answer = await app.app.inject({ url: '/api/v1/agent-logs/export', headers: owner.headers })
  expect(linesOf(answer.body).map((log) => log.input.length)).toEqual(Array(12).fill(input.length))
  expect(transactions).toBeGreaterThanOrEqual(4)
})
