import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { configureAgent } from './support/api-session.ts'
import { openBrowser } from './support/open-browser.ts'
import { copyPreparedData } from './support/prepared-data.ts'
import { type Program, removeDataFolder, startProgram } from './support/start-program.ts'
import { heading, newAddress, signUp } from './support/visitor.ts'
import { desktop, openWatchedPage, phone } from './support/watched-page.ts'

let folder: string
let program: Program
let browser: Browser

beforeAll(async () => {
  folder = await copyPreparedData()
  program = await startProgram({ PORT: String(await findFreePort()), DATA_DIR: folder })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await removeDataFolder(folder)
})

test('usage is empty at first, then shows what ran, also after its log was deleted', async () => {
  const { page, look } = await openWatchedPage(browser, program.url)
  const session = await signUp(page, newAddress('usage'))
  await page.goto('/agents')
  await page.getByRole('link', { name: 'Usage', exact: true }).first().click()
  await page.getByRole('heading', { name: 'Nothing ran in this time' }).waitFor()
  await look('usage-empty', [desktop, phone])

  const userAgentId = await configureAgent(session)
  for (const input of ['Do you ship abroad?', 'How long does delivery take?', 'Can I send it back?'])
    expect((await session.post(`/user-agents/${userAgentId}/runs`, { input })).status).toBe(200)

  await page.reload()
  await page.getByRole('figure', { name: /Runs/ }).getByText('3 runs').waitFor()
  await page.getByRole('table', { name: 'By agent' }).getByRole('rowheader', { name: 'Customer service' }).waitFor()
  await page.getByRole('table', { name: 'By model' }).waitFor()
  await look('usage', [desktop, phone])

  const deleted = await fetch(`${program.url}/api/v1/agent-logs?all=true`, {
    method: 'DELETE',
    headers: session.headers,
  })
  expect((await deleted.json()).deleted).toBe(3)
  await page.getByText('12 months', { exact: true }).click()
  await page.waitForURL(/range=year/)
  await page.reload()
  await page.getByRole('figure', { name: /Runs/ }).getByText('3 runs').waitFor()
})

test('a page whose script went with an update is loaded anew once, and then says what to do', async () => {
  const { page, look, complaints } = await openWatchedPage(browser, program.url)
  await signUp(page, newAddress('updated'))
  await page.goto('/agents')
  await heading(page, 'Catalogue').waitFor()
  let documents = 0
  page.on('request', (request) => {
    if (request.isNavigationRequest()) documents += 1
  })
  await page.route(/\/assets\/plans-page-.*\.js/, (route) => route.fulfill({ status: 404, body: '' }))
  await page.evaluate(() => {
    history.pushState({}, '', '/plans')
    dispatchEvent(new PopStateEvent('popstate'))
  })
  await page.getByRole('heading', { level: 1, name: 'This page could not be loaded' }).waitFor()
  expect(documents).toBe(1)
  // The browser says it too.
  complaints.length = 0
  await look('page-gone', [desktop, phone])
  await page.unroute(/\/assets\/plans-page-.*\.js/)
  await page.getByRole('button', { name: 'Reload' }).click()
  await page.getByRole('heading', { level: 1, name: 'Plans' }).waitFor()
})
