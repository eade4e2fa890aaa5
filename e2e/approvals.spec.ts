import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { startTestProvider, type TestProvider } from '../server/src/runtime/test-providers/start-test-provider.ts'
import { openBrowser } from './support/open-browser.ts'
import { copyPreparedData } from './support/prepared-data.ts'
import { type Program, removeDataFolder, startProgram } from './support/start-program.ts'
import { startWebhookServer, type WebhookServer } from './support/start-webhook-server.ts'
import { ask, heading, makeUserAgent, newAddress, post, signUp } from './support/visitor.ts'
import { desktop, openWatchedPage, phone } from './support/watched-page.ts'

const both = [desktop, phone]

let folder: string
let program: Program
let browser: Browser
let provider: TestProvider
let shop: WebhookServer

beforeAll(async () => {
  folder = await copyPreparedData()
  provider = await startTestProvider('compatible')
  shop = await startWebhookServer()
  program = await startProgram({
    PORT: String(await findFreePort()),
    DATA_DIR: folder,
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_MODELS: 'test-model',
    ALLOWED_PRIVATE_HOSTS: shop.host,
  })
  browser = await openBrowser()
})
afterEach(() => {
  shop.received.length = 0
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await provider?.close()
  await shop?.stop()
  await removeDataFolder(folder)
})

/** Somebody whose agent can tell a shop about orders, once they approve it. */
async function openWithShop() {
  const watched = await openWatchedPage(browser, program.url)
  const { page } = watched
  await signUp(page, newAddress('shop'))
  const userAgentId = await makeUserAgent(page, 'Seller', {})
  await post(page, `user-agents/${userAgentId}/integrations`, {
    type: 'webhook',
    settings: { url: shop.url },
    credentials: {},
  })
  return { ...watched, userAgentId }
}

/** A model that tells the shop about these orders at once, and then says how many it told it about. */
function announce(...orders: number[]) {
  provider.setScript(({ toolResults }) => {
    if (toolResults.length > 0)
      return { kind: 'text', text: `Told: ${toolResults.filter((result) => !result.includes('refused')).length}.` }
    const calls = orders.map((number) => ({
      name: 'webhook__send_webhook',
      input: { event: `order.${number}`, data: { number } },
    }))
    return { kind: 'tool-calls', calls }
  })
}

const requestFor = (page: Page, order: number) => page.getByRole('region', { name: `Send the event "order.${order}"` })

test('two calls of one run are decided one by one in the chat, one of them changed as JSON', async () => {
  const { page, look, complaints, userAgentId } = await openWithShop()
  announce(1, 2)
  await page.goto(`/chat/${userAgentId}`)
  await ask(page, 'Tell my shop about the orders')
  const [first, second] = [requestFor(page, 1), requestFor(page, 2)]
  await first.getByRole('button', { name: 'Approve', exact: true }).waitFor()
  await second.getByRole('button', { name: 'Approve', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Approvals 2 waiting' }).waitFor()
  await look('chat-two-approvals', both)

  await second.getByRole('button', { name: 'Refuse', exact: true }).click()
  await second.getByLabel('Why not?').fill('It is not paid yet.')
  await second.getByRole('button', { name: 'Refuse it' }).click()
  await second.getByText('Refused', { exact: true }).waitFor()
  await first.getByRole('button', { name: 'Approve', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Approvals 1 waiting' }).waitFor()
  expect(shop.received).toEqual([])

  // Which fields `data` has is the shop's affair, so no form can draw it.
  await first.getByRole('button', { name: 'Edit', exact: true }).click()
  const json = first.getByRole('textbox', { name: 'Input as JSON' })
  await json.fill('{ "event": "order.1", ')
  await first.getByText('This is not JSON yet.').waitFor()
  expect(await first.getByRole('button', { name: 'Approve as edited' }).isDisabled()).toBe(true)
  await json.fill('{ "event": "order.1", "data": 1 }')
  await first.getByRole('button', { name: 'Approve as edited' }).click()
  await first.getByText(/data: /).waitFor()
  // The server has answered 400, which the browser writes down.
  complaints.splice(0)
  await look('approval-json-fault', both)
  await json.fill('{ "event": "order.1", "data": { "number": 1, "is_urgent": true } }')
  await first.getByRole('button', { name: 'Approve as edited' }).click()
  await page.getByText('Told: 1.', { exact: true }).waitFor()
  await expect.poll(() => shop.received, { timeout: 20_000 }).toHaveLength(1)
  expect(shop.received).toMatchObject([{ type: 'order.1', data: { number: 1, is_urgent: true } }])
  await look('chat-two-decided', both)
})

test('one call has an address of its own, where it is decided, and which then says what was', async () => {
  const { page, look, userAgentId } = await openWithShop()
  announce(3)
  const run = await post<{ approvals: { id: string }[] }>(page, `user-agents/${userAgentId}/runs`, { input: 'Go' })
  await page.goto(`/approvals/${run.approvals[0]?.id}`)
  await heading(page, 'Approval').waitFor()
  const request = requestFor(page, 3)
  await request.getByText('Seller asks').waitFor()
  await look('approval', both)
  await request.getByRole('button', { name: 'Approve', exact: true }).click()
  await page.getByText('Told: 1.', { exact: true }).waitFor()
  await expect.poll(() => shop.received, { timeout: 20_000 }).toHaveLength(1)
  await page.reload()
  await request.getByText('Approved', { exact: true }).waitFor()
  expect(await request.getByRole('button', { name: 'Approve', exact: true }).count()).toBe(0)
  await look('approval-decided', both)
  await page.goto('/approvals/019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012')
  await page.getByRole('alert').waitFor()
})

test('what waits longest comes first, however much waits, and all of it is counted', async () => {
  const { page, userAgentId } = await openWithShop()
  const orders = Array.from({ length: 23 }, (_, index) => index + 101)
  for (const order of orders) {
    announce(order)
    await post(page, `user-agents/${userAgentId}/runs`, { input: `Order ${order}` })
  }
  await page.goto('/approvals')
  await page.getByRole('link', { name: 'Approvals 23 waiting' }).waitFor()
  const requests = page.getByRole('region', { name: /^Send the event/ })
  await requests.first().waitFor()
  expect(await requests.count()).toBe(20)
  await page.getByRole('button', { name: 'Show more' }).click()
  await requestFor(page, 123).waitFor()
  const names = await requests.getByRole('heading').allTextContents()
  expect(names).toEqual(orders.map((order) => `Send the event "order.${order}"`))
})
