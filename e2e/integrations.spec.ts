import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { startTestProvider, type TestProvider } from '../server/src/runtime/test-providers/start-test-provider.ts'
import type { TestReply } from '../server/src/runtime/test-providers/test-reply.ts'
import { openBrowser } from './support/open-browser.ts'
import { copyPreparedData } from './support/prepared-data.ts'
import { type MailServer, startMailServer } from './support/start-mail-server.ts'
import { type McpTestServer, startMcpServer } from './support/start-mcp-server.ts'
import { type Program, removeDataFolder, startProgram } from './support/start-program.ts'
import { startWebhookServer, type WebhookServer } from './support/start-webhook-server.ts'
import { ask, heading, makeUserAgent, newAddress, signIn, signUp } from './support/visitor.ts'
import { desktop, openWatchedPage, phone, type WatchedPage } from './support/watched-page.ts'

const mailbox = { user: 'theo', password: 'mailbox-secret-long-8231' }
const both = [desktop, phone]

let folder: string
let program: Program
let browser: Browser
let provider: TestProvider
let mcp: McpTestServer
let mail: MailServer
let shop: WebhookServer

beforeAll(async () => {
  folder = await copyPreparedData()
  provider = await startTestProvider('compatible')
  mcp = await startMcpServer()
  mail = await startMailServer(mailbox)
  shop = await startWebhookServer()
  program = await startProgram({
    PORT: String(await findFreePort()),
    DATA_DIR: folder,
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_MODELS: 'test-model',
    ALLOWED_PRIVATE_HOSTS: [mcp.host, mail.host, shop.host].join(','),
  })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await provider?.close()
  await mcp?.stop()
  await mail?.stop()
  await shop?.stop()
  await removeDataFolder(folder)
})

const open = (): Promise<WatchedPage> => openWatchedPage(browser, program.url)

async function beginSetUp(page: Page, name: string) {
  await page.goto('/agents')
  await page.getByRole('link', { name, exact: true }).click()
  await page.getByRole('link', { name: 'Set up' }).click()
  await page.getByRole('button', { name: 'Use example' }).click()
  await page.getByRole('heading', { name: 'Connect accounts' }).waitFor()
}

const draft = {
  to: ['anna@example.test'],
  subject: 'Your service',
  text: 'Hi Anna\n\nA full service costs 119 pounds.\n\nCheers\nTheo',
}

/** A model that first reads something at the MCP server, then writes the mail, then says what came of it. */
function playSecretary({ toolResults }: { toolResults: string[] }): TestReply {
  if (toolResults.length === 0)
    return { kind: 'tool-calls', calls: [{ name: 'mcp__echo', input: { message: 'price list' } }] }
  const [result = ''] = toolResults
  if (result.includes('price list'))
    return {
      kind: 'tool-calls',
      text: 'Here is the mail to Anna.',
      calls: [{ name: 'smtp__send_email', input: draft }],
    }
  return { kind: 'text', text: result.includes('refused') ? 'Then I leave it.' : 'The mail is on its way.' }
}

/** Of the first test; those after it sign in again. */
let theo = ''

test('a draft of a mail is changed, approved, sent by SMTP, and every step is in the log', async () => {
  const { page, look } = await open()
  theo = newAddress('theo')
  await signUp(page, theo)
  await beginSetUp(page, 'E-mail')
  await look('set-up-accounts', both)

  await page.getByRole('button', { name: 'Connect something else' }).click()
  await page.getByRole('menuitem', { name: 'MCP server' }).click()
  const server = page.getByRole('dialog', { name: 'Connect MCP server' })
  await server.getByLabel('Address of the server').fill(mcp.url.replace('/mcp', '/nothing'))
  await server.getByRole('button', { name: 'Test', exact: true }).click()
  await server.getByText('It does not work').waitFor()
  await look('connect-mcp-fails', both)
  await server.getByLabel('Address of the server').fill(mcp.url)
  await server.getByRole('button', { name: 'Test', exact: true }).click()
  await server.getByText(/^Connected with/).waitFor()
  await server.getByRole('button', { name: 'Add', exact: true }).click()

  await page.getByRole('button', { name: 'Connect E-mail: send' }).click()
  const sender = page.getByRole('dialog', { name: 'Connect E-mail: send' })
  await sender.getByRole('textbox', { name: 'Server', exact: true }).fill('127.0.0.1')
  await sender.getByRole('textbox', { name: 'Port', exact: true }).fill(String(mail.port))
  await sender.getByRole('combobox', { name: 'Encryption' }).click()
  await page.getByRole('option', { name: 'Not encrypted' }).click()
  await sender.getByRole('textbox', { name: 'User name', exact: true }).fill(mailbox.user)
  await sender.getByRole('textbox', { name: 'Your e-mail address', exact: true }).fill(theo)
  await sender.getByLabel('Password', { exact: true }).fill('not the password')
  await sender.getByRole('button', { name: 'Test', exact: true }).click()
  await sender.getByText('It does not work').waitFor()
  await sender.getByLabel('Password', { exact: true }).fill(mailbox.password)
  await sender.getByRole('button', { name: 'Test', exact: true }).click()
  await sender.getByText(`Signed in at 127.0.0.1 as ${mailbox.user}.`).waitFor()
  await look('connect-smtp', both)
  await sender.getByRole('button', { name: 'Add', exact: true }).click()
  expect(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))).not.toContain(
    mailbox.password,
  )
  await look('set-up-accounts-entered', both)
  await page.getByRole('button', { name: 'Save and chat' }).click()

  provider.setScript(playSecretary)
  await ask(page, 'Tell Anna what a full service costs')
  const request = page.getByRole('region', { name: /anna@example\.test/ })
  await request.getByRole('button', { name: 'Approve', exact: true }).waitFor()
  await request.getByText('Look twice').waitFor()
  await page.getByRole('list', { name: 'Conversations' }).getByText('Waits for you').waitFor()
  await page.getByRole('link', { name: 'Approvals 1 waiting' }).waitFor()
  await look('mail-approval', both)
  expect(mail.mails).toEqual([])

  // Nothing of it lives in this page alone.
  await page.reload()
  await request.getByRole('button', { name: 'Edit', exact: true }).press('Enter')
  await request.getByRole('textbox', { name: 'Subject' }).waitFor()
  await request.getByRole('textbox', { name: 'Subject' }).fill('What a full service costs')
  await look('mail-approval-edit', both)
  await request.getByRole('button', { name: 'Approve as edited' }).click()
  await page.getByText('The mail is on its way.', { exact: true }).waitFor()
  await page.getByRole('group', { name: 'Rate this answer' }).waitFor()
  expect(mail.mails).toEqual([
    {
      from: expect.stringContaining(theo),
      to: ['anna@example.test'],
      subject: 'What a full service costs',
      text: expect.stringContaining('119 pounds'),
    },
  ])
  await look('mail-sent', both)

  await page.getByRole('link', { name: 'Details of this run' }).click()
  await heading(page, 'Run').waitFor()
  const sent = page.getByRole('button', { name: /anna@example\.test/ })
  await sent.click()
  await page.getByText('You approved it, changed to this').waitFor()
  await page.getByRole('button', { name: /Echo/ }).click()
  await page.getByText('Strangers may have written a part of this answer.').waitFor()
  await look('mail-log', both)
  expect(await page.content()).not.toContain(mailbox.password)
})

test('what waits is decided in one place, and a refusal reaches the agent', async () => {
  const { page, look } = await open()
  await signIn(page, theo)
  await page.goto('/my-agents')
  await page.getByRole('link', { name: 'Approvals', exact: true }).click()
  await page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor()
  await look('approvals-empty', both)
  provider.setScript(playSecretary)
  await page.goto('/my-agents')
  await page.getByRole('link', { name: 'Chat with E-mail' }).click()
  await ask(page, 'Write to Anna once more')
  await page.getByRole('button', { name: 'Approve', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Approvals 1 waiting' }).click()
  const request = page.getByRole('region', { name: /anna@example\.test/ })
  await request.getByText('E-mail asks').waitFor()
  await look('approvals', both)
  await request.getByRole('button', { name: 'Refuse', exact: true }).click()
  await request.getByLabel('Why not?').fill('She has it already.')
  await look('approvals-refuse')
  const before = mail.mails.length
  await request.getByRole('button', { name: 'Refuse it' }).click()
  await page.getByText('Then I leave it.', { exact: true }).waitFor()
  await look('approvals-refused', both)
  expect(mail.mails).toHaveLength(before)
  await page.getByRole('link', { name: 'Open the conversation' }).click()
  await page.getByText('refused', { exact: false }).first().waitFor()
})

test('an account that fails says so, is changed field by field, and disconnected', async () => {
  const { page, look } = await open()
  await signIn(page, theo)
  await page.goto('/my-agents')
  await page.getByRole('button', { name: 'More for E-mail' }).click()
  await page.getByRole('menuitem', { name: 'Accounts and memory' }).click()
  await heading(page, 'Accounts').waitFor()
  const card = page.getByRole('article', { name: 'E-mail: send' })
  await card.getByText('Connected', { exact: true }).waitFor()
  await look('accounts', both)
  await card.getByRole('combobox', { name: 'Permission of Send an e-mail' }).selectOption('Always allow')
  await card.getByRole('button', { name: 'Change E-mail: send' }).click()
  const dialog = page.getByRole('dialog', { name: 'Change E-mail: send' })
  const stored = dialog.getByRole('group', { name: 'Password' })
  await stored.getByText('Set, ends in …8231').waitFor()
  await look('account-change', both)
  await stored.getByRole('button', { name: 'Change: Password' }).click()
  await dialog.getByLabel('Password', { exact: true }).fill('no longer right')
  await dialog.getByRole('button', { name: 'Save and test' }).click()
  await dialog.getByText('It does not work', { exact: true }).waitFor()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await card.getByText('Reconnect', { exact: true }).waitFor()
  await look('account-reconnect', both)
  expect(await card.getByRole('combobox', { name: 'Permission of Send an e-mail' }).inputValue()).toBe('always')

  await card.getByRole('button', { name: 'Disconnect E-mail: send' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect', exact: true }).click()
  await card.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Connect E-mail: send' }).waitFor()
})

test('an agent that needs an account says so before it is asked, and leads there', async () => {
  const { page, look } = await open()
  await signUp(page, newAddress('needs'))
  const userAgentId = await makeUserAgent(page, 'Mailer', {
    integrations: [{ type: 'smtp', required: true, reason: 'To send the mails you approve.' }],
  })
  await page.goto(`/chat/${userAgentId}`)
  await page.getByText('Connect E-mail: send first').waitFor()
  expect(await page.getByRole('textbox', { name: 'Message' }).isDisabled()).toBe(true)
  await look('chat-account-missing', both)
  await page.getByRole('link', { name: 'Connect E-mail: send' }).click()
  await page.getByRole('dialog', { name: 'Connect E-mail: send' }).waitFor()
})

test('what an agent remembers is seen and deleted', async () => {
  const { page, look } = await open()
  await signUp(page, newAddress('memory'))
  const userAgentId = await makeUserAgent(page, 'Rememberer', { tools: ['remember', 'recall'] })
  provider.setScript(({ toolResults, input }) =>
    toolResults.length === 0
      ? { kind: 'tool-calls', calls: [{ name: 'remember', input: { content: input } }] }
      : { kind: 'text', text: 'I will think of it.' },
  )
  await page.goto(`/chat/${userAgentId}`)
  for (const fact of ['Anna is called in the morning.', 'Prices are without tax.']) {
    await ask(page, fact)
    await page
      .getByRole('article', { name: 'Rememberer' })
      .filter({ hasText: 'I will think of it.' })
      .nth(fact.startsWith('Anna') ? 0 : 1)
      .getByRole('group', { name: 'Rate this answer' })
      .waitFor()
  }
  await page.getByRole('link', { name: 'Accounts of this agent' }).click()
  const memories = page.getByRole('list', { name: 'Memories' })
  await memories.getByText('Prices are without tax.').waitFor()
  await look('memories', both)
  await memories.getByRole('button', { name: 'Delete memory “Prices are without tax.”' }).click()
  await memories.getByText('Prices are without tax.').waitFor({ state: 'detached' })
  await memories.getByText('Anna is called in the morning.').waitFor()
  await page.getByRole('button', { name: 'Delete all' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click()
  await page.getByText('Nothing. An agent that can remember').waitFor()
})

test('a webhook is connected, asks before it sends, and shows what it sent', async () => {
  const { page, look } = await open()
  await signUp(page, newAddress('hook'))
  await beginSetUp(page, 'Customer service')
  await page.getByRole('button', { name: 'Save and chat' }).click()
  await page.getByRole('textbox', { name: 'Message' }).waitFor()

  await page.getByRole('link', { name: 'Accounts of this agent' }).click()
  await heading(page, 'Accounts').waitFor()
  await page.getByRole('heading', { name: 'What it remembers' }).waitFor()
  await look('accounts-none', both)
  await page.getByRole('button', { name: 'Connect something else' }).click()
  await page.getByRole('menuitem', { name: 'Webhook' }).click()
  const dialog = page.getByRole('dialog', { name: 'Connect Webhook' })
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
  await dialog.getByText('Please fill this in.').waitFor()
  await look('connect-webhook-faults', both)
  await dialog.getByLabel('Where to?').fill(shop.url)
  await dialog.getByRole('button', { name: 'Test', exact: true }).click()
  await dialog.getByText('took a message of the type "test"').waitFor()
  await look('connect-webhook', both)
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
  await page
    .getByRole('dialog', { name: 'Copy this now' })
    .getByText(/^whsec_/)
    .waitFor()
  await look('connect-webhook-secret')
  await page.getByRole('button', { name: 'I have copied it' }).click()
  const card = page.getByRole('article', { name: 'Webhook' })
  await card.getByText('Connected', { exact: true }).waitFor()

  provider.setScript(({ toolResults }) =>
    toolResults.length === 0
      ? {
          kind: 'tool-calls',
          text: 'I will tell your shop.',
          calls: [{ name: 'webhook__send_webhook', input: { event: 'order.placed', data: { number: 7 } } }],
        }
      : { kind: 'text', text: 'Your shop knows about order 7.' },
  )
  await page.getByRole('link', { name: 'Chat', exact: true }).click()
  await ask(page, 'Tell my shop that order 7 came in')
  const request = page.getByRole('region', { name: 'Send the event "order.placed"' })
  await request.getByRole('button', { name: 'Approve' }).waitFor()
  await look('approval-in-chat', both)
  expect(shop.received).toHaveLength(2)
  await request.getByRole('button', { name: 'Approve' }).click()
  await page.getByText('Your shop knows about order 7.', { exact: true }).waitFor()
  await expect.poll(() => JSON.stringify(shop.received.at(-1)), { timeout: 20_000 }).toContain('order.placed')

  await page.getByRole('link', { name: 'Accounts of this agent' }).click()
  await page.getByRole('article', { name: 'Webhook' }).getByRole('button', { name: 'Deliveries' }).click()
  const deliveries = page.getByRole('list', { name: 'Deliveries' })
  await deliveries.getByText('Delivered').waitFor()
  await look('webhook-deliveries', both)
  const before = shop.received.length
  await deliveries.getByRole('button', { name: 'Send again: order.placed' }).click()
  await expect.poll(() => shop.received.length, { timeout: 20_000 }).toBe(before + 1)
})

test('an account that is refused while an agent is set up stays there to be mended, and the agent is made once', async () => {
  const { page, look, complaints } = await open()
  await signUp(page, newAddress('refused'))
  await beginSetUp(page, 'Customer service')
  await page.getByRole('button', { name: /^Connect (an account|something else)$/ }).click()
  await page.getByRole('menuitem', { name: 'HTTP requests' }).click()
  const dialog = page.getByRole('dialog', { name: 'Connect HTTP requests' })
  const host = dialog.getByRole('textbox', { name: 'Host 1' })
  await host.fill('https://api.example.com/orders')
  await dialog.getByRole('combobox', { name: 'How does it sign in there?' }).click()
  await page.getByRole('option', { name: 'With a token (Bearer)' }).click()
  await dialog.getByRole('textbox', { name: 'Token, password or key' }).fill('planted-token-5177')
  await look('set-up-http', both)
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()

  await page.getByRole('button', { name: 'Save and chat' }).click()
  await page.getByText('Customer service is set up, but not everything is connected').waitFor()
  const accounts = page.getByRole('list', { name: 'Accounts to be connected' })
  await accounts.getByText('Not connected').waitFor()
  // The server has answered 422, which the browser writes down.
  complaints.splice(0)
  await look('set-up-account-refused', both)
  await accounts.getByRole('button', { name: 'Change HTTP requests' }).click()
  await dialog.getByText('Must be a host such as api.example.com').waitFor()
  expect(await dialog.getByRole('textbox', { name: 'Token, password or key' }).inputValue()).toBe('planted-token-5177')
  await look('set-up-account-mend', both)
  await host.fill('api.example.com')
  await dialog.getByRole('button', { name: 'Change', exact: true }).click()
  await page.getByRole('button', { name: 'Save and try again' }).click()
  await page.getByRole('textbox', { name: 'Message' }).waitFor()

  await page.getByRole('link', { name: 'Accounts of this agent' }).click()
  await page.getByRole('article', { name: 'HTTP requests' }).getByText('Connected', { exact: true }).waitFor()
  await page.goto('/my-agents')
  await page.getByRole('link', { name: 'Chat with Customer service' }).waitFor()
  expect(await page.getByRole('link', { name: /^Chat with / }).count()).toBe(1)
})
