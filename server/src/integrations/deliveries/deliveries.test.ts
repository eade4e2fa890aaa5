import type { IncomingMessage } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { capabilitiesSchema } from '../../agents/capabilities.ts'
import { lowestIdOf } from '../../database/uuid-v7.ts'
import { runMaintenance } from '../../maintenance.ts'
import { exampleCapabilities } from '../../testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../../testing/test-app.ts'
import { serve } from '../../url-guard/url-guard-testing.ts'
import { prepareUserAgent } from '../integration-api-testing.ts'
import { listConnectedTools } from '../list-connected-tools.ts'
import { takeDueDeliveries } from './delivery-queries.ts'
import { queueRunEnded } from './queue-run-ended.ts'
import { judge, sendDueDeliveries, startDeliveries } from './send-deliveries.ts'

let site: TestApp
let owner: TestUser
beforeAll(async () => {
  site = await createTestApp({ ALLOWED_PRIVATE_HOSTS: '127.0.0.1' })
})
afterAll(() => site.close())
beforeEach(async () => {
  await site.database.asSystem('a test begins without messages', (tx) => tx.deleteFrom('integrations').execute())
  owner = await site.createUser()
})

interface Message {
  headers: IncomingMessage['headers']
  body: string
}

/** A server that answers as `answer` says, and a webhook of an agent that leads there. */
async function prepare(answer: (count: number) => number = () => 204, settings: object = {}) {
  const messages: Message[] = []
  const { url } = await serve((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      messages.push({ headers: request.headers, body })
      response.writeHead(answer(messages.length), { location: 'http://127.0.0.1:9/' }).end()
    })
  })
  const agent = await prepareUserAgent(site, owner)
  const made = await agent.connect({ type: 'webhook', settings: { url: `${url}/hook`, ...settings } })
  const [tool] = await listConnectedTools(site.services, owner.claims, agent.userAgentId)
  return {
    ...agent,
    messages,
    integration: made,
    secret: made.new_secrets.secret ?? '',
    sendEvent: (event: string, data: object) => tool!.execute({ event, data }, AbortSignal.timeout(5000)),
    flush: () => sendDueDeliveries(site.services, AbortSignal.timeout(10_000)),
    deliveries: async () => (await agent.send('GET', `/${made.id}/deliveries`)).json().data,
    makeDue: () =>
      site.database.asSystem('a test lets time pass', (tx) =>
        tx
          .updateTable('webhook_deliveries')
          .set({ next_attempt_at: new Date(0) })
          .where('status', '=', 'pending')
          .execute(),
      ),
  }
}

test('a message arrives signed as Standard Webhooks says, and is listed as delivered', async () => {
  const { sendEvent, flush, messages, secret, deliveries, integration } = await prepare()
  expect(integration.new_secrets.secret).toMatch(/^whsec_/)
  const queued = await sendEvent('order.placed', { number: 7 })
  expect(queued).toEqual({ message_id: expect.any(String), is_queued: true })
  expect((await deliveries())[0]).toMatchObject({ status: 'pending', attempts: 0 })
  await flush()
  expect(messages).toHaveLength(1)
  const { headers, body } = messages[0]!
  expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
    type: 'order.placed',
    data: { number: 7 },
  })
  expect(headers['webhook-id']).toBe((queued as { message_id: string }).message_id)
  expect(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>)).toThrow()
  expect(await deliveries()).toEqual([
    expect.objectContaining({
      status: 'delivered',
      attempts: 1,
      response_status: 204,
      next_attempt_at: null,
      payload: body,
    }),
  ])
})

test('what is not taken is tried again later with the same id, signed anew, until it arrives', async () => {
  const { sendEvent, flush, messages, deliveries, makeDue, read, integration } = await prepare((count) =>
    count === 1 ? 500 : count === 2 ? 302 : 200,
  )
  await sendEvent('a', {})
  await flush()
  const [first] = await deliveries()
  expect(first).toMatchObject({ status: 'pending', attempts: 1, response_status: 500, failure: expect.any(String) })
  expect(new Date(first.next_attempt_at).getTime()).toBeGreaterThan(Date.now())
  expect((await read(integration.id)).state).toBe('failing')
  await flush()
  expect(messages).toHaveLength(1)
  await makeDue()
  await flush()
  expect(await deliveries()).toMatchObject([{ status: 'pending', attempts: 2, response_status: 302 }])
  await makeDue()
  await flush()
  expect(await deliveries()).toMatchObject([{ status: 'delivered', attempts: 3 }])
  expect(new Set(messages.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect((await read(integration.id)).state).toBe('connected')
})

test('410 ends it: nothing is sent any more until its owner tests it', async () => {
  let status = 410
  const { sendEvent, flush, deliveries, messages, read, send, integration } = await prepare(() => status)
  await sendEvent('a', {})
  await flush()
  expect(await deliveries()).toMatchObject([{ status: 'failed', response_status: 410 }])
  expect(await read(integration.id)).toMatchObject({ state: 'reconnect', failure: expect.stringContaining('410') })
  await expect(sendEvent('b', {})).rejects.toThrow(/410/)
  expect(messages).toHaveLength(1)
  status = 200
  expect((await send('POST', `/${integration.id}/test`)).json()).toMatchObject({ ok: true })
  await sendEvent('b', {})
  await flush()
  expect((await deliveries())[0]).toMatchObject({ status: 'delivered' })
})

test('what was given up is sent again when its owner says so; what is on its way is not', async () => {
  let status = 410
  const { sendEvent, flush, deliveries, send, integration, messages } = await prepare(() => status)
  await sendEvent('a', {})
  const [{ id }] = await deliveries()
  const replay = () => send('POST', `/${integration.id}/deliveries/${id}/replay`)
  expect((await replay()).json()).toMatchObject({ code: 'delivery_pending' })
  await flush()
  status = 200
  await send('POST', `/${integration.id}/test`)
  expect((await replay()).json()).toMatchObject({ status: 'pending', attempts: 0 })
  await flush()
  expect(await deliveries()).toMatchObject([{ id, status: 'delivered', attempts: 1 }])
  expect(messages.at(-1)?.headers['webhook-id']).toBe(id)
})

test('five servers that look at once send each message once', async () => {
  const { sendEvent, messages, flush, deliveries } = await prepare()
  await Promise.all(Array.from({ length: 30 }, (_, number) => sendEvent('a', { number })))
  await Promise.all(Array.from({ length: 5 }, flush))
  expect(messages).toHaveLength(30)
  expect(new Set(messages.map(({ headers }) => headers['webhook-id'])).size).toBe(30)
  expect((await deliveries()).every((one: { attempts: number }) => one.attempts === 1)).toBe(true)
})

test('what a server took before it was killed, another one sends when the lease is over', async () => {
  const { sendEvent, messages, flush, makeDue, deliveries } = await prepare()
  await sendEvent('a', {})
  const taken = await site.database.asSystem('a test takes a message and dies', (tx) =>
    takeDueDeliveries(tx, { limit: 10, leaseSeconds: 60 }),
  )
  expect(taken).toHaveLength(1)
  await flush()
  expect(messages).toHaveLength(0)
  await makeDue()
  await flush()
  expect(messages).toHaveLength(1)
  expect(await deliveries()).toMatchObject([{ status: 'delivered', attempts: 2 }])
})

test('a running server sends by itself', async () => {
  const { sendEvent, messages } = await prepare()
  const sender = startDeliveries(site.services, 50)
  onTestFinished(() => sender.stop())
  await sendEvent('a', {})
  await expect.poll(() => messages.length, { timeout: 5000 }).toBe(1)
})

test('the end of a run is told to the webhooks that asked for it, and goes with its log', async () => {
  const quiet = await prepare()
  const { flush, messages, secret, deliveries, userAgentId } = await prepare(() => 200, { send_run_ended: true })
  const run = {
    id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
    conversation_id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
    status: 'succeeded',
    input: 'Hello',
    output: 'Hi',
    error_code: null,
  }
  await queueRunEnded(site.services, owner.claims, { ...run, user_agent_id: quiet.userAgentId })
  await queueRunEnded(site.services, owner.claims, { ...run, user_agent_id: userAgentId })
  await flush()
  expect(quiet.messages).toEqual([])
  const { headers, body } = messages[0]!
  const { id, ...rest } = run
  expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
    type: 'run.ended',
    data: { run_id: id, ...rest, user_agent_id: userAgentId },
  })
  expect(await deliveries()).toMatchObject([{ log_id: id }])
})

test('a run over the API tells its end, also where agents may not send by themselves', async () => {
  const { flush, messages, send, userAgentId, integration } = await prepare(() => 200, { send_run_ended: true })
  await send('PUT', `/${integration.id}/tools/send_webhook`, { permission: 'never' })
  await site.database.asSystem('a test gives the agent something to do', (tx) =>
    tx
      .updateTable('agent_versions')
      .set({ capabilities: JSON.stringify(capabilitiesSchema.parse(exampleCapabilities())) })
      .execute(),
  )
  const run = await site.app.inject({
    method: 'POST',
    url: `/api/v1/user-agents/${userAgentId}/runs`,
    headers: owner.headers,
    payload: { input: 'Hello there' },
  })
  expect(run.statusCode, run.body).toBe(200)
  await expect
    .poll(
      async () => {
        await flush()
        return messages.length
      },
      { timeout: 5000 },
    )
    .toBe(1)
  expect(JSON.parse(messages[0]!.body).data).toMatchObject({
    run_id: run.json().id,
    status: 'succeeded',
    input: 'Hello there',
    output: run.json().output,
  })
})

describe('after an attempt', () => {
  const failed = { kind: 'answered', status: 503, retryAfterSeconds: null } as const

  test('the next one comes as the specification proposes, ten in all', () => {
    const waits = Array.from({ length: 10 }, (_, at) => judge(failed, at + 1).nextInSeconds)
    const proposed = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    for (const [at, seconds] of proposed.entries()) {
      expect(waits[at]).toBeGreaterThanOrEqual(seconds)
      expect(waits[at]).toBeLessThanOrEqual(seconds * 1.2)
    }
    expect(waits[9]).toBeNull()
    expect(judge(failed, 10).status).toBe('failed')
  })

  test('a server that asks for more time gets it, a day at most', () => {
    expect(judge({ ...failed, retryAfterSeconds: 1000 }, 1).nextInSeconds).toBe(1000)
    expect(judge({ ...failed, retryAfterSeconds: 1e9 }, 1).nextInSeconds).toBe(86_400)
    expect(judge({ kind: 'failed', message: 'x'.repeat(900) }, 1).failure).toHaveLength(500)
  })
})

test('messages of more than thirty days ago are forgotten by maintenance, but not those still to be sent', async () => {
  const { sendEvent, flush, deliveries, integration } = await prepare(() => 204)
  await sendEvent('new.one', {})
  await flush()
  let count = 0
  const oldId = () =>
    lowestIdOf(new Date(Date.now() - 31 * 24 * 3_600_000)).replace(
      /0000-0000-\d+$/,
      `7000-8000-${'0'.repeat(11)}${count++}`,
    )
  const row = { integration_id: integration.id, user_id: owner.id, payload: '{}' }
  await site.database.asSystem('a test makes old messages', (tx) =>
    tx
      .insertInto('webhook_deliveries')
      .values([
        { ...row, id: oldId(), event: 'old.delivered', status: 'delivered', next_attempt_at: null },
        { ...row, id: oldId(), event: 'old.failed', status: 'failed', next_attempt_at: null },
        { ...row, id: oldId(), event: 'old.pending' },
      ])
      .execute(),
  )
  const { ownerUrl, services } = site
  await runMaintenance({ ...services, ownerUrl, logRetentionDays: null }, new AbortController().signal)
  expect((await deliveries()).map(({ event }: { event: string }) => event)).toEqual(['new.one', 'old.pending'])
})
