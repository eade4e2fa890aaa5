import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { type StripeServer, startStripeServer } from '../server/src/stripe/stripe-server-testing.ts'
import { password, signUp as signUpByApi } from './support/api-session.ts'
import { openBrowser } from './support/open-browser.ts'
import { makeDataFolder, type Program, removeDataFolder, startProgram } from './support/start-program.ts'
import { ask, heading, newAddress, signIn, signUp } from './support/visitor.ts'
import { desktop, openWatchedPage, phone, type WatchedPage } from './support/watched-page.ts'

const both = [desktop, phone]

let folder: string
let program: Program
let browser: Browser
let stripe: StripeServer
/** The first account of all. */
let admin: string | undefined

beforeAll(async () => {
  folder = await makeDataFolder()
  stripe = await startStripeServer()
  const port = String(await findFreePort())
  const url = `http://127.0.0.1:${port}`
  program = await startProgram({ PORT: port, DATA_DIR: folder, ...stripe.environment(url) })
  stripe.webhooks.url = `${url}/api/v1/stripe/webhook`
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await stripe?.close()
  await removeDataFolder(folder)
})

const open = () => openWatchedPage(browser, program.url)

async function openAdmin() {
  const watched = await open()
  if (admin) await signIn(watched.page, admin)
  else {
    const email = newAddress('admin')
    await signUp(watched.page, email)
    admin = email
  }
  return watched
}

async function setUpAgent(page: Page) {
  await page.goto('/agents')
  await page.getByRole('link', { name: 'Customer service', exact: true }).click()
  await page.getByRole('link', { name: 'Set up' }).click()
  await page.getByRole('button', { name: 'Use example' }).click()
  await page.getByRole('button', { name: 'Save and chat' }).click()
  await page.getByRole('textbox', { name: 'Message' }).waitFor()
}

const answers = (page: Page) =>
  page.getByRole('article', { name: 'Customer service' }).getByRole('group', { name: 'Rate this answer' })

async function askAndWait(page: Page, question: string, count: number) {
  await ask(page, question)
  await answers(page)
    .nth(count - 1)
    .waitFor()
}

/** Of a month, in the plan; looks at the pages on the way in these sizes. */
async function changeRuns({ page, look }: WatchedPage, plan: string, runs: number, sizes: (typeof desktop)[]) {
  await page.getByRole('link', { name: plan, exact: true }).click()
  await page.getByRole('textbox', { name: 'Runs a month', exact: true }).fill(String(runs))
  await look('admin-plan', sizes)
  await page.getByRole('button', { name: 'Save…' }).click()
  const question = page.getByRole('dialog', { name: `Save ${plan}?` })
  await question.waitFor()
  await look('admin-plan-impact', sizes)
  await question.getByRole('button', { name: 'Save the plan' }).click()
  await heading(page, 'Plans').waitFor()
}

test('a new user takes Starter, pays at Stripe, runs into its limit, takes Professional and goes on', async () => {
  const operator = await openAdmin()
  await operator.page.goto('/admin/plans')
  await operator.page.getByRole('article', { name: 'Starter' }).waitFor()
  await operator.look('admin-plans', both)
  await changeRuns(operator, 'Free', 1, [])
  await changeRuns(operator, 'Starter', 2, both)

  const { page, look, complaints } = await open()
  await page.goto('/plans')
  await page.getByRole('article', { name: 'Starter' }).waitFor()
  await look('plans', both)
  await page.getByRole('article', { name: 'Starter' }).getByRole('link', { name: 'Choose Starter' }).click()
  await page.getByLabel('E-mail').fill(newAddress('customer'))
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign up' }).click()
  const choice = page.getByRole('dialog', { name: 'Starter' })
  await choice.getByText('$49', { exact: true }).waitFor()
  await look('choose-plan', both)
  await choice.getByRole('button', { name: 'Go to payment' }).click()
  await page.waitForURL(`${stripe.url}/**`)
  await page.getByLabel('Card number').fill('4242 4242 4242 4242')
  await page.getByRole('button', { name: 'Pay' }).click()
  await page.waitForURL(`${program.url}/subscription?checkout=done`)
  await page.getByText('Thank you. Starter is yours').waitFor()
  await page.getByText(/It renews by itself on/).waitFor()
  await look('subscription', both)

  await setUpAgent(page)
  await askAndWait(page, 'Do you ship abroad?', 1)
  await askAndWait(page, 'How long does delivery take?', 2)
  await ask(page, 'Can I send it back?')
  const refusal = page.getByRole('alert').filter({ hasText: 'The 2 runs of your plan are used up for this month' })
  await refusal.waitFor()
  // The server has answered 429, which the browser writes down.
  complaints.splice(0)
  await look('chat-limit-reached', both)
  await refusal.getByRole('link', { name: 'See Professional' }).click()
  const upgrade = page.getByRole('dialog', { name: 'Professional' })
  const pay = upgrade.getByRole('button', { name: /^Change now and pay \$\d/ })
  await pay.waitFor()
  await look('upgrade-plan', both)
  await pay.click()
  await page.getByText('You have Professional now.').waitFor()
  await page.getByRole('heading', { name: 'Professional' }).first().waitFor()
  await page.goto('/my-agents')
  await page.getByRole('link', { name: 'Chat with Customer service' }).click()
  await askAndWait(page, 'Can I send it back?', 1)
})

test('an admin gives one user a plan and suspends another, and both stand in the audit log', async () => {
  const [given, rude] = [newAddress('given'), newAddress('rude')]
  const { page, look } = await openAdmin()
  const gifted = await signUpByApi(program.url, given)
  const offender = await signUpByApi(program.url, rude)
  await page.goto('/admin/users')
  await page.getByRole('article', { name: given }).waitFor()
  await look('admin-users', both)
  await page.getByRole('link', { name: given }).click()
  await page.getByRole('button', { name: 'Give a plan' }).click()
  const dialog = page.getByRole('dialog', { name: `Give ${given} a plan` })
  const professional = dialog.getByRole('option', { name: /^Professional/, includeHidden: true })
  await professional.waitFor({ state: 'attached' })
  await dialog.getByLabel('Plan').selectOption(await professional.getAttribute('value'))
  await dialog.getByLabel('Why').fill('They found a bug')
  await look('admin-give-plan', both)
  await dialog.getByRole('button', { name: 'Give the plan' }).click()
  await page.getByText(`${given} has Professional now.`).waitFor()
  await look('admin-user', both)
  const subscribed = await (await gifted.get('/me/subscription')).json()
  expect(subscribed).toMatchObject({ plan: { name: 'Professional' }, subscription: { source: 'comp', price: '0.00' } })

  await page.goto('/admin/users')
  await page.getByRole('link', { name: rude }).click()
  await page.getByRole('button', { name: 'Suspend' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click()
  await page.getByText(`${rude} is suspended.`).waitFor()
  await expect.poll(async () => (await offender.get('/me')).status, { timeout: 20_000 }).not.toBe(200)

  await page.getByRole('link', { name: 'Audit log' }).click()
  await heading(page, 'Audit log').waitFor()
  await page.getByText(given).first().waitFor()
  await page.getByText(rude).first().waitFor()
  await look('admin-audit-log', both)
  for (const [entry, path] of [
    ['Overview', 'admin'],
    ['Subscriptions', 'admin/subscriptions'],
    ['Models and prices', 'admin/models'],
    ['System', 'admin/system'],
  ] as const) {
    await page.getByRole('link', { name: entry, exact: true }).click()
    await page.waitForURL(`${program.url}/${path}`)
    await heading(page, entry).waitFor()
    await page.waitForLoadState('networkidle')
    await look(path.replace('/', '-'), both)
  }
})

test('without Stripe a user asks for a plan and an admin agrees', async () => {
  await program.stop()
  program = await startProgram({ PORT: new URL(program.url).port, DATA_DIR: folder })
  const email = newAddress('asks')
  const { page, look } = await open()
  await signUp(page, email)
  await page.goto('/plans')
  await page.getByRole('article', { name: 'Starter' }).getByRole('link', { name: 'Choose Starter' }).click()
  const choice = page.getByRole('dialog', { name: 'Starter' })
  await choice.getByLabel('Your words to the operator').fill('We are a shop of three.')
  await choice.getByRole('button', { name: 'Send the request' }).click()
  await page.getByText('You asked for Starter', { exact: true }).waitFor()
  await look('plan-requested', both)

  const operator = await openAdmin()
  await operator.page.goto('/admin/subscriptions')
  await operator.page.getByText('We are a shop of three.').waitFor()
  await operator.page.getByRole('button', { name: `Accept ${email}` }).click()
  const answer = operator.page.getByRole('dialog', { name: `Accept the request of ${email}?` })
  await answer.getByLabel('Your answer').fill('Welcome! The invoice comes by mail.')
  await operator.look('admin-accept-request', both)
  await answer.getByRole('button', { name: 'Accept' }).click()
  await operator.page.getByText(`${email} has Starter now.`).waitFor()

  await page.reload()
  await page.getByText('Welcome! The invoice comes by mail.').waitFor()
  await page.getByText(/^You have Starter for \$49/).waitFor()
})
