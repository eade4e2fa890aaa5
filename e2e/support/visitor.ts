import { randomBytes } from 'node:crypto'
import type { Page } from 'playwright-core'
import { type ApiSession, openApiSession, password } from './api-session.ts'

/** An e-mail address that nobody has yet: a test that is tried a second time signs up a second time. */
export const newAddress = (name: string) => `${name}-${randomBytes(4).toString('hex')}@example.test`

export const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name })

/**
 * Signs somebody new up without the forms, which first-run.spec.ts fills in, and without a page: the first is for the caller
 * to open. Answers their way to the API.
 */
export function signUp(page: Page, email: string, firstName = 'Ada'): Promise<ApiSession> {
  return beginSession(page, 'auth/sign-up', { email, password, first_name: firstName })
}

/** The same for who has an account. */
export function signIn(page: Page, email: string, secret = password): Promise<ApiSession> {
  return beginSession(page, 'auth/sign-in', { email, password: secret })
}

async function beginSession(page: Page, path: string, body: object): Promise<ApiSession> {
  // Of this site, so that its cookies are taken, and nothing of the app, which would be loaded in vain.
  const empty = '<!doctype html><link rel="icon" href="data:,">'
  await page.route('**/signing-in', (route) => route.fulfill({ contentType: 'text/html', body: empty }), { times: 1 })
  await page.goto('/signing-in')
  const { access_token } = await post<{ access_token: string }>(page, path, body)
  // As the app notes it: web/src/auth/session-state.ts.
  await page.evaluate(() => localStorage.setItem('ax_has_session', '1'))
  return openApiSession(new URL(page.url()).origin, access_token)
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
