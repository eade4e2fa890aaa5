import { randomBytes } from 'node:crypto'
import type { Page } from 'playwright-core'
import { password } from './api-session.ts'

/** An e-mail address that nobody has yet: a test that is tried a second time signs up a second time. */
export const newAddress = (name: string) => `${name}-${randomBytes(4).toString('hex')}@example.test`

export const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name })

export async function signUp(page: Page, email: string, firstName = 'Ada'): Promise<void> {
  await page.goto('/sign-up')
  await page.getByLabel('First name').fill(firstName)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await heading(page, 'Catalogue').waitFor()
}

export async function signIn(page: Page, email: string, secret = password): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await heading(page, 'My agents').waitFor()
}

export async function ask(page: Page, question: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(question)
  await page.getByRole('button', { name: 'Send' }).click()
}

/** Asks the API as whoever is signed in there. Answers what came, of which a test knows the shape. */
export async function post<Answer = { id: string }>(page: Page, path: string, body: object): Promise<Answer> {
  return await page.evaluate(
    async ({ path, body }) => {
      const response = await fetch(`/api/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const answer = await response.json()
      if (!response.ok) throw new Error(JSON.stringify(answer))
      return answer
    },
    { path, body },
  )
}

/** A user agent of an agent of one's own. Answers its id. */
export async function makeUserAgent(page: Page, name: string, capabilities: object): Promise<string> {
  const settings = { type: 'object', properties: {}, required: [] }
  const agent = await post(page, 'agents', {
    name,
    description: `Made for ${name}.`,
    type: 'email',
    capabilities: { instructions: 'You help.', settings, ...capabilities },
  })
  return (await post(page, 'user-agents', { agent_id: agent.id, name, settings: {} })).id
}
