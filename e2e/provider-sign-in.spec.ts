import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { startProtectedServer } from '../server/src/integrations/types/mcp/mcp-oauth-testing.ts'
import { startTestProvider, type TestProvider } from '../server/src/runtime/test-providers/start-test-provider.ts'
import { openBrowser } from './support/open-browser.ts'
import { copyPreparedData } from './support/prepared-data.ts'
import { type Program, removeDataFolder, startProgram } from './support/start-program.ts'
import { ask, heading, makeUserAgent, newAddress, signUp } from './support/visitor.ts'
import { desktop, openWatchedPage, phone } from './support/watched-page.ts'

const both = [desktop, phone]

let folder: string
let program: Program
let browser: Browser
let provider: TestProvider

beforeAll(async () => {
  folder = await copyPreparedData()
  provider = await startTestProvider('compatible')
  program = await startProgram({
    PORT: String(await findFreePort()),
    DATA_DIR: folder,
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_MODELS: 'test-model',
    ALLOWED_PRIVATE_HOSTS: '127.0.0.0/8',
  })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await provider?.close()
  await removeDataFolder(folder)
})

async function openAccounts(name: string) {
  const watched = await openWatchedPage(browser, program.url)
  const { page } = watched
  await signUp(page, newAddress('oauth'))
  const userAgentId = await makeUserAgent(page, name, {})
  await page.goto(`/user-agents/${userAgentId}/integrations`)
  await heading(page, 'Accounts').waitFor()
  return { ...watched, userAgentId }
}

async function openForm(page: Page, title: string) {
  await page.getByRole('button', { name: /^Connect (an account|something else)$/ }).click()
  await page.getByRole('menuitem', { name: title }).click()
  const dialog = page.getByRole('dialog', { name: `Connect ${title}` })
  const choose = async (question: string, choice: string) => {
    await dialog.getByRole('combobox', { name: question }).click()
    await page.getByRole('option', { name: choice }).click()
  }
  return { dialog, choose }
}

test('an MCP server is connected by signing in there, after having been refused once, and is used', async () => {
  const server = await startProtectedServer({ hasPages: true })
  const { page, look, userAgentId } = await openAccounts('Shopper')
  const { dialog, choose } = await openForm(page, 'MCP server')
  await dialog.getByLabel('Address of the server').fill(server.url)
  await choose('How does the server know you?', 'I sign in there (OAuth)')
  await look('connect-mcp-oauth', both)
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()

  await page.waitForURL(`${server.issuer}/**`)
  await page.getByRole('link', { name: 'Cancel' }).click()
  await page.waitForURL(`${program.url}/**`)
  await page.getByText('The provider did not let you in.').waitFor()
  const card = page.getByRole('article', { name: 'MCP server' })
  await card.getByText('Not signed in yet').waitFor()
  await look('sign-in-refused', both)

  await card.getByRole('button', { name: 'Connect with MCP server' }).click()
  await page.waitForURL(`${server.issuer}/**`)
  await page.getByPlaceholder('Enter any login').fill('anna')
  await page.getByPlaceholder('and password').fill('anything')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL(`${program.url}/**`)
  await page.getByText('You are signed in. MCP server can be used now.').waitFor()
  await card.getByText('Connected', { exact: true }).waitFor()
  await card.getByRole('combobox', { name: /^Permission of Find/ }).waitFor()
  await look('sign-in-connected', both)
  expect(server.tokenForms.map((form) => form.get('resource'))).toEqual([server.url])

  provider.setScript(({ toolResults: [result] }) =>
    result === undefined
      ? { kind: 'tool-calls', calls: [{ name: 'mcp__find_order', input: { number: '7' } }] }
      : { kind: 'text', text: result.includes('12.5') ? 'It costs 12.50.' : 'I do not know.' },
  )
  await page.goto(`/chat/${userAgentId}`)
  await ask(page, 'What does order 7 cost?')
  await page.getByText('It costs 12.50.', { exact: true }).waitFor()
})

test('where the operator has registered no client, the form and the account say so', async () => {
  const { page, look } = await openAccounts('Poster')
  for (const [title, choice] of [
    ['Slack', 'I sign in at Slack, after saving'],
    ['GitHub', 'I sign in at GitHub, after saving'],
  ] as const) {
    const { dialog, choose } = await openForm(page, title)
    await dialog.getByText('Signing in is not set up here').waitFor()
    if (title === 'GitHub') {
      await dialog.getByRole('textbox', { name: 'Repository 1' }).fill('*')
    }
    await choose('How does it sign in?', choice)
    if (title === 'Slack') await look('connect-slack-no-client', both)
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
    const card = page.getByRole('article', { name: title })
    await card.getByText('Not signed in yet').waitFor()
    await card.getByText(`its operator has to register a client at ${title} first`).waitFor()
    expect(await card.getByRole('button', { name: `Connect with ${title}` }).count()).toBe(0)
  }
  await look('accounts-no-client', both)
})
