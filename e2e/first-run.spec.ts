import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { configureAgent, password } from './support/api-session.ts'
import { openBrowser } from './support/open-browser.ts'
import { sellNothing } from './support/sell-nothing.ts'
import { makeDataFolder, type Program, removeDataFolder, startProgram } from './support/start-program.ts'
import { heading, newAddress, signIn, signUp } from './support/visitor.ts'
import { desktop, openWatchedPage, phone, type WatchedPage } from './support/watched-page.ts'

const both = [desktop, phone]

let folder: string
let program: Program
let browser: Browser

beforeAll(async () => {
  folder = await makeDataFolder()
  // As the README says.
  program = await startProgram({ PORT: String(await findFreePort()), DATA_DIR: join(folder, 'data') }, { isNpm: true })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await removeDataFolder(folder)
})

const open = (size = desktop): Promise<WatchedPage> => openWatchedPage(browser, program.url, size)

/** The first account of all. */
let admin: string | undefined

/** On a phone the menu is behind its button. */
async function goTo(page: Page, entry: string) {
  const menu = page.getByRole('button', { name: 'Open the menu' })
  if (await menu.isVisible()) await menu.click()
  await page.getByRole('link', { name: entry, exact: true }).first().click()
}

/** Somebody new in front of an agent, as the first test leads there. */
async function beginChat(page: Page, email: string) {
  const userAgentId = await configureAgent(await signUp(page, email))
  await page.goto(`/chat/${userAgentId}`)
  await page.getByRole('textbox', { name: 'Message' }).waitFor()
}

/** Asks and waits for the whole answer. */
async function ask(page: Page, question: string, agentName = 'Customer service') {
  await page.getByRole('textbox', { name: 'Message' }).fill(question)
  await page.getByRole('button', { name: 'Send' }).click()
  await waitForAnswer(page, agentName)
}

async function waitForAnswer(page: Page, agentName = 'Customer service') {
  const answer = page.getByRole('article', { name: agentName }).last()
  await answer.getByRole('group', { name: 'Rate this answer' }).waitFor()
  return answer
}

test.each([
  ['a desktop', desktop],
  ['a phone', phone],
])('a first-time user on %s reaches an answer with its source, and finds it in the log', async (_name, size) => {
  const { page, look: lookAt } = await open(size)
  // The other of the two looks at the same pages.
  const look = (name: string) => lookAt(name, [size], true)
  await page.goto('/')
  await heading(page, /Agents that do your work/).waitFor()
  await page.getByRole('link', { name: 'Customer service' }).waitFor()
  await look('1-landing')
  await page.getByRole('link', { name: 'Start now' }).click()
  await heading(page, 'Create your account').waitFor()
  await look('2-sign-up')
  const email = newAddress('first')
  await page.getByLabel('First name').fill('Ada')
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign up' }).click()

  await heading(page, 'Catalogue').waitFor()
  await page.getByRole('link', { name: 'Customer service', exact: true }).waitFor()
  admin ??= email
  await look('3-catalogue')
  await page.getByRole('link', { name: 'Customer service', exact: true }).click()
  await heading(page, 'Customer service').waitFor()
  await look('4-agent')
  await page.getByRole('link', { name: 'Set up' }).click()
  await heading(page, 'Set up Customer service').waitFor()
  await page.getByRole('button', { name: 'Use example' }).click()
  await page.getByRole('button', { name: 'Undo' }).waitFor()
  await look('5-set-up')
  await page.getByRole('button', { name: 'Save and chat' }).click()

  const starters = page.getByRole('group', { name: 'Questions to begin with' })
  await starters.waitFor()
  await look('6-chat-empty')
  await starters.getByRole('button', { name: 'Do you ship abroad?' }).click()
  const answer = await waitForAnswer(page)
  expect(await answer.textContent()).toContain('We ship to all of Europe')
  await answer.getByRole('group', { name: 'Sources of this answer' }).getByRole('button').first().waitFor()
  await look('7-chat-answer')

  await goTo(page, 'Logs')
  await heading(page, 'Logs').waitFor()
  await page.getByRole('link', { name: 'Do you ship abroad?' }).waitFor()
  await look('8-logs')
  await page.getByRole('link', { name: 'Do you ship abroad?' }).click()
  await heading(page, 'Run').waitFor()
  await page.getByRole('heading', { name: 'Steps' }).waitFor()
  await page.getByRole('heading', { name: 'Step 1' }).waitFor()
  await page.getByText('We ship to all of Europe').first().waitFor()
  await look('9-run')
})

test('without a plan for everybody nothing is limited from now on', () => sellNothing(join(folder, 'data')))

test('what was said is there after a reload, and the agent remembers what came before', async () => {
  const { page, complaints } = await open()
  await beginChat(page, newAddress('reload'))
  await ask(page, 'Do you ship abroad?')
  await ask(page, 'How long does delivery take?')
  await page.reload()
  await page.getByRole('article', { name: 'You' }).nth(1).waitFor()
  expect(await page.getByRole('article', { name: 'You' }).allTextContents()).toEqual([
    'Do you ship abroad?',
    'How long does delivery take?',
  ])
  expect(await page.getByRole('article', { name: 'Customer service' }).count()).toBe(2)
  expect(complaints).toEqual([])
})

test('signing out and in again, with the wrong password first', async () => {
  const { page, look, complaints } = await open()
  // A browser reports every 4xx as an error of the console, also one that is expected.
  const forgiveRefusals = () => {
    expect(complaints.splice(0).filter((text) => !text.includes('status of 401'))).toEqual([])
  }
  const email = newAddress('again')
  await signUp(page, email)
  await page.goto('/agents')
  await page.getByRole('button', { name: 'Account menu' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await heading(page, /Agents that do your work/).waitFor()
  await page.goto('/my-agents')
  await heading(page, 'Sign in').waitFor()
  forgiveRefusals()
  await look('sign-in', both)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill('wrong horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('E-mail or password is not right.').waitFor()
  forgiveRefusals()
  await look('sign-in-wrong', both)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  // Where they wanted to go.
  await heading(page, 'My agents').waitFor()
  await page.getByRole('heading', { name: 'You have not set up an agent yet' }).waitFor()
  await look('my-agents-empty', both)
})

test('my agents are switched off and on, edited and deleted; their logs stay', async () => {
  const { page, look } = await open()
  await beginChat(page, newAddress('mine'))
  await ask(page, 'Do you ship abroad?')
  await page.goto('/my-agents')
  const card = page.getByRole('article', { name: 'Customer service' })
  await card.waitFor()
  await look('my-agents', both)
  const toggle = card.getByRole('switch', { name: 'Customer service is on' })
  await toggle.press('Space')
  await card.getByText('Off', { exact: true }).waitFor()
  await card.getByRole('link', { name: 'Chat with Customer service' }).click()
  await page.getByRole('textbox', { name: 'Message' }).waitFor()
  expect(await page.getByRole('textbox', { name: 'Message' }).isDisabled()).toBe(true)
  await look('chat-switched-off', both)
  await page.goto('/my-agents')
  await toggle.press('Space')
  await card.getByText('On', { exact: true }).waitFor()

  await card.getByRole('link', { name: 'Edit Customer service' }).click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Shop help')
  await look('edit-user-agent', both)
  await page.getByRole('button', { name: /^Save/ }).click()
  await page.goto('/my-agents')
  const renamed = page.getByRole('article', { name: 'Shop help' })
  await renamed.getByRole('button', { name: 'More for Shop help' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('heading', { name: 'You have not set up an agent yet' }).waitFor()
  await page.goto('/logs')
  await page.getByRole('link', { name: 'Do you ship abroad?' }).waitFor()
})

test('a creator makes an agent, an admin publishes it, and another user sees it', async () => {
  const creator = await open()
  const creatorEmail = newAddress('creator')
  await signUp(creator.page, creatorEmail, 'Cleo')
  await creator.page.goto('/agents/new')
  await heading(creator.page, 'Create an agent').waitFor()
  await creator.page.getByRole('textbox', { name: 'Name', exact: true }).fill('Lamp expert')
  await creator.page.getByRole('textbox', { name: 'Description', exact: true }).fill('Knows everything about lamps.')
  await creator.page.getByRole('button', { name: 'Add a question' }).click()
  const question = creator.page.getByRole('group', { name: 'Question 1' })
  await question.getByRole('textbox', { name: 'Question', exact: true }).fill('What is your shop called?')
  await creator.page.getByRole('textbox', { name: 'Instructions', exact: true }).fill('You know lamps.')
  await creator.look('editor', both)
  await creator.page.getByRole('button', { name: 'Create', exact: true }).click()
  await creator.page.getByRole('button', { name: 'Ask for publication' }).click()
  await creator.page.getByText('Waiting for an admin').waitFor()
  await creator.look('editor-requested', both)
  await creator.page.goto('/created-agents')
  await creator.page.getByRole('article', { name: 'Lamp expert' }).waitFor()
  await creator.look('created-agents', both)

  const other = await open()
  await signUp(other.page, newAddress('other'))
  await other.page.goto('/agents')
  await other.page.getByRole('link', { name: 'Customer service', exact: true }).waitFor()
  expect(await other.page.getByRole('link', { name: 'Lamp expert' }).count()).toBe(0)

  const operator = await open()
  await signIn(operator.page, admin ?? '')
  await operator.page.goto('/my-agents')
  await goTo(operator.page, 'Publication requests')
  await operator.page.getByRole('article', { name: 'Lamp expert' }).waitFor()
  await operator.look('publication-requests', both)
  await operator.page.getByRole('button', { name: 'Publish Lamp expert' }).click()
  await operator.page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor()
  await goTo(operator.page, 'Users')
  await heading(operator.page, 'Users').waitFor()
  await operator.page.getByText(creatorEmail).waitFor()
  await operator.look('users', both)

  await other.page.reload()
  await other.page.getByRole('link', { name: 'Lamp expert' }).click()
  await other.page.getByText('by Cleo').first().waitFor()
})

test('an API key is made in the browser and works in a program', async () => {
  const { page, look } = await open()
  await beginChat(page, newAddress('keys'))
  await goTo(page, 'API keys')
  await page.getByRole('heading', { name: 'No keys yet' }).waitFor()
  await look('api-keys-empty', both)
  await page.getByRole('button', { name: 'Create API key' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Shop backend')
  await page.getByRole('button', { name: 'Create key' }).click()
  const key = (await page.getByTestId('new-api-key').textContent())?.trim() ?? ''
  expect(key).toMatch(/^ax_[\w-]{43}$/)
  await look('api-key-created')
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await page.getByRole('button', { name: 'Revoke Shop backend' }).waitFor()
  await look('api-keys', both)

  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const models = await (await fetch(`${program.url}/v1/models`, { headers })).json()
  const run = await fetch(`${program.url}/api/v1/user-agents/${models.data[0].id}/runs`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ input: 'Do you ship abroad?' }),
  })
  expect(await run.json()).toMatchObject({ status: 'succeeded', output: expect.stringContaining('Europe') })

  await page.getByRole('button', { name: 'Revoke Shop backend' }).click()
  await page.getByRole('button', { name: 'Revoke key' }).click()
  await page.getByText('Revoked', { exact: true }).waitFor()
  await expect
    .poll(async () => (await fetch(`${program.url}/v1/models`, { headers })).status, { timeout: 20_000 })
    .toBe(401)
})

test('the account: another password, all data as a file, and the end of it', async () => {
  const { page, look, complaints } = await open()
  const email = newAddress('account')
  await beginChat(page, email)
  await ask(page, 'Do you ship abroad?')
  await page.getByRole('button', { name: 'Account menu' }).click()
  await page.getByRole('menuitem', { name: 'Account' }).click()
  await heading(page, 'Account').waitFor()
  await page.getByLabel('Present password').waitFor()
  await look('account', both)

  const next = 'an even better horse'
  await page.getByLabel('Present password').fill(password)
  await page.getByLabel('New password').fill(next)
  await page.getByRole('button', { name: 'Change password' }).click()
  await page.getByText('Your password is changed.').waitFor()

  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download my data' }).click()
  const data = JSON.parse(await readFile(await (await downloading).path(), 'utf8'))
  expect(JSON.stringify(data)).toContain(email)
  expect(JSON.stringify(data)).toContain('Do you ship abroad?')
  expect(JSON.stringify(data)).not.toContain('argon2')

  const elsewhere = await open()
  await signIn(elsewhere.page, email, next)

  await page.getByRole('button', { name: 'Delete my account' }).click()
  await page.getByRole('dialog').getByLabel('Your password').fill(next)
  await look('delete-account')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete my account' }).click()
  await heading(page, /Agents that do your work/).waitFor()
  complaints.length = 0
  await page.goto('/sign-in')
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(next)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('E-mail or password is not right.').waitFor()
})

test('an address that is not there, a private agent and a log of somebody else are nothing to see', async () => {
  const { page, look, complaints } = await open()
  await signUp(page, newAddress('lost'))
  await page.goto('/no-such-page')
  await page.getByRole('heading', { level: 1 }).waitFor()
  await look('not-found', both)
  await page.goto('/logs/01a2033a-df84-702e-b77c-b5fe23154983')
  await page.getByText('There is nothing here, or it is not yours.').waitFor()
  complaints.length = 0
  await look('not-yours', both)
})
