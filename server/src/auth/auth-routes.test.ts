import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeAfterTest, createTestApp, type TestApp } from '../testing/test-app.ts'
import { randomAddress, signInForTest, signUpForTest, testPassword, waitForCredentials } from './test-sessions.ts'

let site: TestApp
beforeAll(async () => {
  site = await createTestApp()
  await signUpForTest(site, 'first@example.test')
})
afterAll(() => site.close())

const post = (url: string, payload: object, more: object = {}) =>
  site.app.inject({ method: 'POST', url, payload, remoteAddress: randomAddress(), ...more })

describe('sign-up', () => {
  test('answers the account, tokens and httpOnly cookies', async () => {
    const response = await post('/api/v1/auth/sign-up', {
      email: '  Ada@Example.Test ',
      password: testPassword,
      first_name: 'Ada',
    })
    expect(response.statusCode).toBe(201)
    const body = response.json()
    expect(body.user).toMatchObject({
      email: 'ada@example.test',
      first_name: 'Ada',
      last_name: null,
      avatar_url: null,
      role: 'user',
    })
    expect(body).toMatchObject({ token_type: 'bearer', expires_in: 900 })
    expect(response.body).not.toContain('argon2')
    const [access, refresh] = response.cookies
    expect(access).toMatchObject({
      name: 'ax_access',
      value: body.access_token,
      path: '/',
      httpOnly: true,
      sameSite: 'Lax',
      maxAge: 900,
    })
    expect(access?.secure).toBeUndefined()
    expect(refresh).toMatchObject({
      name: 'ax_refresh',
      value: body.refresh_token,
      path: '/api/v1/auth',
      httpOnly: true,
      sameSite: 'Lax',
    })
  })

  test('sets Secure cookies when the site is https', async () => {
    const secure = await createTestApp({ PUBLIC_URL: 'https://agents.example.test' })
    closeAfterTest(secure)
    const response = await secure.app.inject({
      method: 'POST',
      url: '/api/v1/auth/sign-up',
      payload: { email: 'a@example.test', password: testPassword },
    })
    expect(response.cookies.map(({ secure }) => secure)).toEqual([true, true])
  })

  test('refuses an e-mail that has an account, in whatever case', async () => {
    const response = await post('/api/v1/auth/sign-up', { email: 'FIRST@example.test', password: testPassword })
    expect([response.statusCode, response.json().code]).toEqual([409, 'email_not_available'])
    expect(response.cookies).toEqual([])
  })

  test.each([
    ['role', { role: 'admin' }],
    ['id', { id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }],
    ['suspended_at', { suspended_at: null }],
    ['created_at', { created_at: '2020-01-01T00:00:00Z' }],
  ])('does not take %s from outside', async (_name, extra) => {
    const email = `mass-${Math.random()}@example.test`
    const response = await post('/api/v1/auth/sign-up', { email, password: testPassword, ...extra })
    expect(response.statusCode).toBe(400)
    const { statusCode } = await post('/api/v1/auth/sign-in', { email, password: testPassword })
    expect(statusCode).toBe(401)
  })

  test.each([
    ['too short', 'seven77'],
    ['over 1024 characters', 'x'.repeat(1025)],
    ['with NUL', 'correct\u0000horse battery'],
    ['with half a surrogate pair', 'correct \ud83d horse'],
  ])('refuses a password %s without hashing it', async (_name, password) => {
    const response = await post('/api/v1/auth/sign-up', { email: 'weak@example.test', password })
    expect([response.statusCode, response.json().code]).toEqual([400, 'invalid_request'])
    expect(response.json().errors[0].path).toBe('/password')
    expect(response.body).not.toContain('horse')
  })

  test('a password of a megabyte is refused', async () => {
    const response = await post('/api/v1/auth/sign-up', { email: 'long@example.test', password: 'x'.repeat(1_000_000) })
    expect(response.statusCode).toBe(400)
  })

  test('does not cut passwords: two that differ after byte 72 are different', async () => {
    const start = 'x'.repeat(72)
    await post('/api/v1/auth/sign-up', { email: 'cut@example.test', password: `${start}a` })
    const signIn = (password: string) => post('/api/v1/auth/sign-in', { email: 'cut@example.test', password })
    expect((await signIn(`${start}b`)).statusCode).toBe(401)
    expect((await signIn(start)).statusCode).toBe(401)
    expect((await signIn(`${start}a`)).statusCode).toBe(200)
  })

  test('an emoji password works, and é is the same however a keyboard spells it', async () => {
    await post('/api/v1/auth/sign-up', { email: 'emoji@example.test', password: '🐎 caf\u00e9 batterie' })
    const response = await post('/api/v1/auth/sign-in', {
      email: 'emoji@example.test',
      password: '🐎 cafe\u0301 batterie',
    })
    expect(response.statusCode).toBe(200)
  })

  test('is limited by address', async () => {
    const remoteAddress = '192.0.2.7'
    const statuses: number[] = []
    for (let i = 0; i < 21; i++) {
      const response = await post(
        '/api/v1/auth/sign-up',
        { email: 'first@example.test', password: testPassword },
        { remoteAddress },
      )
      statuses.push(response.statusCode)
    }
    expect(statuses).toEqual([...Array(20).fill(409), 429])
  })
})

describe('who becomes admin', () => {
  test('exactly one of many first sign-ups at once', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const responses = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        fresh.app.inject({
          method: 'POST',
          url: '/api/v1/auth/sign-up',
          payload: { email: `racer-${i}@example.test`, password: testPassword },
        }),
      ),
    )
    const roles = responses.map((response) => response.json().user.role)
    expect(roles.sort()).toEqual(['admin', ...Array(7).fill('user')])
  })

  test('the account that ADMIN_EMAIL names, and no other', async () => {
    const named = await createTestApp({ ADMIN_EMAIL: 'Boss@example.test' })
    closeAfterTest(named)
    const role = async (email: string) => {
      const response = await named.app.inject({
        method: 'POST',
        url: '/api/v1/auth/sign-up',
        payload: { email, password: testPassword },
      })
      return response.json().user.role
    }
    expect(await role('early@example.test')).toBe('user')
    expect(await role('boss@example.test')).toBe('admin')
  })

  test('an account that is older than ADMIN_EMAIL takes over a site without admin when it signs in', async () => {
    const named = await createTestApp({ ADMIN_EMAIL: 'boss@example.test' })
    closeAfterTest(named)
    await signUpForTest(named, 'boss@example.test')
    const roleOf = async (email: string) => {
      const { headers } = await signInForTest(named, email)
      return (await named.app.inject({ url: '/api/v1/me', headers })).json().role
    }
    await named.database.asSystem('a test', (tx) => tx.updateTable('users').set({ role: 'user' }).execute())
    expect(await roleOf('boss@example.test')).toBe('admin')
    await named.createUser('admin')
    await named.database.asSystem('a test', (tx) =>
      tx.updateTable('users').set({ role: 'user' }).where('email', '=', 'boss@example.test').execute(),
    )
    expect(await roleOf('boss@example.test')).toBe('user')
  })

  test('a closed site takes its first account alone', async () => {
    const closed = await createTestApp({ SIGN_UP: 'closed' })
    closeAfterTest(closed)
    const first = await signUpForTest(closed)
    const second = await closed.app.inject({
      method: 'POST',
      url: '/api/v1/auth/sign-up',
      payload: { email: 'second@example.test', password: testPassword },
    })
    expect(first.id).toBeTruthy()
    expect([second.statusCode, second.json().code]).toEqual([403, 'sign_up_closed'])
  })

  test('a closed site with ADMIN_EMAIL takes that account alone, also as the first', async () => {
    const closed = await createTestApp({ SIGN_UP: 'closed', ADMIN_EMAIL: 'boss@example.test' })
    closeAfterTest(closed)
    await expect(signUpForTest(closed, 'quick@example.test')).rejects.toThrow('sign_up_closed')
    await expect(signUpForTest(closed, 'boss@example.test')).resolves.toMatchObject({ email: 'boss@example.test' })
  })
})

describe('sign-in', () => {
  test('works in any case of the e-mail, and the token opens the account', async () => {
    const { headers } = await signInForTest(site, 'First@Example.test')
    const response = await site.app.inject({ url: '/api/v1/me', headers })
    expect([response.statusCode, response.json().email]).toEqual([200, 'first@example.test'])
  })

  test('answers an unknown e-mail and a wrong password alike', async () => {
    const [unknown, wrong] = await Promise.all([
      post('/api/v1/auth/sign-in', { email: 'nobody@example.test', password: testPassword }),
      post('/api/v1/auth/sign-in', { email: 'first@example.test', password: 'not the password' }),
    ])
    const body = (response: typeof unknown) => ({ ...response.json(), request_id: '' })
    expect([unknown.statusCode, wrong.statusCode]).toEqual([401, 401])
    expect(body(unknown)).toEqual(body(wrong))
    expect(body(unknown).code).toBe('wrong_credentials')
  })

  test('is refused after ten failures for an account, also with the right password and from elsewhere', async () => {
    const { email } = await signUpForTest(site)
    const attempt = (password: string) => post('/api/v1/auth/sign-in', { email, password })
    const failures = await Promise.all(Array.from({ length: 30 }, () => attempt('guess')))
    const count = (status: number) => failures.filter(({ statusCode }) => statusCode === status).length
    expect([count(401), count(429)]).toEqual([10, 20])
    const refused = await attempt(testPassword)
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'too_many_attempts'])
    const wait = Number(refused.headers['retry-after'])
    expect(wait).toBeGreaterThan(500)
    expect(wait).toBeLessThanOrEqual(600)
    await moveWindowsBack(site, 601)
    expect((await attempt(testPassword)).statusCode).toBe(200)
  })

  test('refuses an unknown e-mail just like a known one after ten failures', async () => {
    const attempt = () => post('/api/v1/auth/sign-in', { email: 'ghost@example.test', password: 'guess' })
    for (let i = 0; i < 10; i++) expect((await attempt()).statusCode).toBe(401)
    expect((await attempt()).statusCode).toBe(429)
  })

  test('is refused after fifty failures from an address, whatever the accounts', async () => {
    const remoteAddress = '198.51.100.9'
    const responses = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        post('/api/v1/auth/sign-in', { email: `spray-${i}@example.test`, password: 'guess' }, { remoteAddress }),
      ),
    )
    expect(responses.filter(({ statusCode }) => statusCode === 401)).toHaveLength(50)
    expect(responses.filter(({ statusCode }) => statusCode === 429)).toHaveLength(10)
  })

  test('a forged X-Forwarded-For does not dodge the limit of an address', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 51; i++) {
      const response = await post(
        '/api/v1/auth/sign-in',
        { email: `forged-${i}@example.test`, password: 'guess' },
        { remoteAddress: '198.51.100.77', headers: { 'x-forwarded-for': randomAddress() } },
      )
      statuses.push(response.statusCode)
    }
    expect(statuses.at(-1)).toBe(429)
  })

  test('success clears the counter of the account and does not use up the one of the address', async () => {
    const { email } = await signUpForTest(site)
    const remoteAddress = '198.51.100.20'
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 8; i++) {
        expect((await post('/api/v1/auth/sign-in', { email, password: 'guess' })).statusCode).toBe(401)
      }
      for (let i = 0; i < 26; i++) {
        const right = await post('/api/v1/auth/sign-in', { email, password: testPassword }, { remoteAddress })
        expect(right.statusCode).toBe(200)
      }
    }
  })

  test('takes no longer for a known e-mail than for an unknown one', async () => {
    const { email } = await signUpForTest(site)
    const times = { known: [] as number[], unknown: [] as number[] }
    for (let i = 0; i < 9; i++) {
      for (const kind of ['known', 'unknown'] as const) {
        const begun = performance.now()
        const given = kind === 'known' ? email : `nobody-${i}@example.test`
        await post('/api/v1/auth/sign-in', { email: given, password: 'guess' })
        times[kind].push(performance.now() - begun)
      }
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[4]!
    // Without the hash for nobody the ratio would be about ten; the machine of a test run is too noisy for a finer bound.
    expect(median(times.known) / median(times.unknown)).toBeLessThan(2)
  })

  test('a suspended account is told so only after the right password', async () => {
    const { email, id } = await signUpForTest(site)
    await site.database.asSystem('a test', (tx) =>
      tx.updateTable('users').set({ suspended_at: new Date() }).where('id', '=', id).execute(),
    )
    const attempt = async (password: string) => (await post('/api/v1/auth/sign-in', { email, password })).json().code
    expect(await attempt('guess')).toBe('wrong_credentials')
    expect(await attempt(testPassword)).toBe('account_suspended')
  })

  test('an account without password cannot be entered', async () => {
    const { email } = await site.createUser()
    const response = await post('/api/v1/auth/sign-in', { email, password: 'unused' })
    expect(response.json().code).toBe('wrong_credentials')
  })
})

describe('sign-out', () => {
  test('ends the session of the cookies and clears them', async () => {
    const { cookies, refreshToken } = await signUpForTest(site)
    const response = await site.app.inject({ method: 'POST', url: '/api/v1/auth/sign-out', cookies })
    expect(response.statusCode).toBe(204)
    expect(response.body).toBe('')
    expect(response.cookies.map(({ name, value }) => [name, value])).toEqual([
      ['ax_access', ''],
      ['ax_refresh', ''],
    ])
    expect((await post('/api/v1/auth/refresh', { refresh_token: refreshToken })).statusCode).toBe(401)
    await waitForCredentials()
    expect((await site.app.inject({ url: '/api/v1/me', cookies })).statusCode).toBe(401)
  })

  test('works with the refresh token alone, when the access token has ended', async () => {
    const { headers, refreshToken } = await signUpForTest(site)
    await post('/api/v1/auth/sign-out', { refresh_token: refreshToken })
    expect((await site.app.inject({ url: '/api/v1/me', headers })).statusCode).toBe(401)
  })

  test('a stranger and an API key end nobody’s session', async () => {
    const { id } = await signUpForTest(site)
    const { headers } = await site.createUser()
    for (const more of [{}, { headers }]) {
      const response = await site.app.inject({ method: 'POST', url: '/api/v1/auth/sign-out', ...more })
      expect(response.statusCode).toBe(204)
    }
    expect(await countSessions(site, id)).toBe(1)
  })
})

describe('cookies and other sites', () => {
  const changeName = (more: object) =>
    site.app.inject({ method: 'PATCH', url: '/api/v1/me', payload: { first_name: 'Eve' }, ...more })

  test('the access cookie alone authenticates', async () => {
    const { cookies, email } = await signUpForTest(site)
    const response = await site.app.inject({ url: '/api/v1/me', cookies: { ax_access: cookies.ax_access } })
    expect(response.json().email).toBe(email)
  })

  test.each([
    ['Origin of another site', { origin: 'https://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling domain', { 'sec-fetch-site': 'same-site', origin: 'https://sub.localhost' }],
  ])('a change with %s is refused, though the cookie is right', async (_name, headers) => {
    const { cookies } = await signUpForTest(site)
    const refused = await changeName({ cookies, headers })
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'cross_site_request'])
    const me = await site.app.inject({ url: '/api/v1/me', cookies })
    expect(me.json().first_name).toBeNull()
  })

  test.each([
    ['the own origin', { origin: 'http://localhost:3000', host: 'localhost:3000' }],
    ['Sec-Fetch-Site: same-origin', { 'sec-fetch-site': 'same-origin' }],
  ])('a change with %s passes', async (_name, headers) => {
    const { cookies } = await signUpForTest(site)
    expect((await changeName({ cookies, headers })).statusCode).toBe(200)
  })

  test('another site cannot sign a browser in', async () => {
    const response = await post(
      '/api/v1/auth/sign-in',
      { email: 'first@example.test', password: testPassword },
      { headers: { origin: 'https://evil.example' } },
    )
    expect(response.statusCode).toBe(403)
  })

  test('a form of another site cannot be read as JSON', async () => {
    const response = await site.app.inject({
      method: 'POST',
      url: '/api/v1/auth/sign-in',
      headers: { 'content-type': 'text/plain' },
      payload: JSON.stringify({ email: 'first@example.test', password: testPassword }),
    })
    expect(response.statusCode).toBe(415)
    expect(response.cookies).toEqual([])
  })

  test('the cookie of a suspended account does not keep its browser from signing in as somebody else', async () => {
    const { cookies, id } = await signUpForTest(site)
    await site.database.asSystem('a test', (tx) =>
      tx.updateTable('users').set({ suspended_at: new Date() }).where('id', '=', id).execute(),
    )
    expect((await site.app.inject({ url: '/api/v1/me', cookies })).statusCode).toBe(403)
    const response = await post(
      '/api/v1/auth/sign-in',
      { email: 'first@example.test', password: testPassword },
      { cookies },
    )
    expect(response.statusCode).toBe(200)
  })
})

async function moveWindowsBack({ database }: TestApp, seconds: number): Promise<void> {
  await database.asSystem('a test lets time pass', (tx) =>
    tx
      .updateTable('sign_in_attempts')
      .set({ window_start: new Date(Date.now() - seconds * 1000) })
      .execute(),
  )
}

async function countSessions({ database }: TestApp, userId: string): Promise<number> {
  const rows = await database.asSystem('a test', (tx) =>
    tx.selectFrom('sessions').select('id').where('user_id', '=', userId).execute(),
  )
  return rows.length
}
