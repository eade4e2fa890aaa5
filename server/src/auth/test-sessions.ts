import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestApp } from '../testing/test-app.ts'

export const testPassword = 'correct horse battery staple'

export interface TestSession {
  id: string
  email: string
  /** Headers with the bearer token of the session. */
  headers: { authorization: string }
  cookies: { ax_access: string; ax_refresh: string }
  accessToken: string
  refreshToken: string
}

/** Any address of the private range: sign-ups are limited by address. */
export function randomAddress(): string {
  return `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`
}

/** What a browser holds after signing up. */
export async function signUpForTest(
  { app }: TestApp,
  email = `${randomBytes(6).toString('hex')}@example.test`,
): Promise<TestSession> {
  return readSession(
    await app.inject({
      method: 'POST',
      url: '/api/v1/auth/sign-up',
      payload: { email, password: testPassword },
      remoteAddress: randomAddress(),
    }),
  )
}

export async function signInForTest({ app }: TestApp, email: string, password = testPassword): Promise<TestSession> {
  return readSession(
    await app.inject({
      method: 'POST',
      url: '/api/v1/auth/sign-in',
      payload: { email, password },
      remoteAddress: randomAddress(),
    }),
  )
}

export function readSession(response: { statusCode: number; body: string }): TestSession {
  if (response.statusCode >= 300) throw new Error(`Not signed in: ${response.statusCode} ${response.body}`)
  const { user, access_token, refresh_token } = JSON.parse(response.body)
  return {
    id: user.id,
    email: user.email,
    headers: { authorization: `Bearer ${access_token}` },
    cookies: { ax_access: access_token, ax_refresh: refresh_token },
    accessToken: access_token,
    refreshToken: refresh_token,
  }
}

/** As long as a server may go on believing a credential. */
export function waitForCredentials(): Promise<void> {
  return sleep(1050)
}
