import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signInForTest, signUpForTest, testPassword, waitForCredentials } from '../auth/test-sessions.ts'
import { closeAfterTest, createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let site: TestApp
let admin: TestUser
beforeAll(async () => {
  site = await createTestApp()
  admin = await site.createUser('admin')
})
afterAll(() => site.close())

const ownRoutes = [
  ['GET', '/api/v1/me', undefined],
  ['PATCH', '/api/v1/me', { first_name: 'Eve' }],
  ['DELETE', '/api/v1/me', { password: testPassword }],
  ['POST', '/api/v1/me/password', { current_password: testPassword, new_password: 'another password' }],
  ['GET', '/api/v1/me/export', undefined],
  ['GET', '/api/v1/me/sessions', undefined],
  ['DELETE', '/api/v1/me/sessions/019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', undefined],
  ['GET', '/api/v1/admin/users', undefined],
  ['PATCH', '/api/v1/admin/users/019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', { role: 'admin' }],
] as const

test.each(ownRoutes)('%s %s is closed to strangers', async (method, url, payload) => {
  const response = await site.app.inject({ method, url, payload })
  expect([response.statusCode, response.json().code]).toEqual([401, 'unauthenticated'])
  expect(response.headers['content-type']).toContain('application/problem+json')
})

test.each(
  ownRoutes.filter(([method, url]) => /password|sessions/.test(url) || (method === 'DELETE' && url === '/api/v1/me')),
)('%s %s is closed to API keys', async (method, url, payload) => {
  const { headers } = await site.createUser()
  const response = await site.app.inject({ method, url, payload, headers })
  expect([response.statusCode, response.json().code]).toEqual([403, 'forbidden'])
})

describe('my profile', () => {
  const patch = (headers: TestUser['headers'], payload: object) =>
    site.app.inject({ method: 'PATCH', url: '/api/v1/me', headers, payload })

  test('changes what is sent, clears what is null and leaves the rest', async () => {
    const { headers } = await site.createUser()
    const first = await patch(headers, { last_name: ' Lovelace ', avatar_url: 'https://example.com/ada.png' })
    expect(first.json()).toMatchObject({
      first_name: 'Test',
      last_name: 'Lovelace',
      avatar_url: 'https://example.com/ada.png',
    })
    const second = await patch(headers, { avatar_url: null })
    expect(second.json()).toMatchObject({ last_name: 'Lovelace', avatar_url: null })
    expect((await patch(headers, {})).json()).toEqual(second.json())
  })

  test('is nobody else’s', async () => {
    const [mine, other] = await Promise.all([site.createUser(), site.createUser()])
    await patch(mine.headers, { first_name: 'Mine' })
    const theirs = await site.app.inject({ url: '/api/v1/me', headers: other.headers })
    expect(theirs.json()).toMatchObject({ id: other.id, first_name: 'Test' })
  })

  test.each([
    'javascript:alert(1)',
    'ftp://example.com/a.png',
    'https://user:secret@example.com/a.png',
    '//example.com/a.png',
    'https://',
    'https://exa mple.com/',
    `https://example.com/${'a'.repeat(240)}`,
    'https://example.com/\u0000',
  ])('takes no picture from %j', async (avatar_url) => {
    const { headers } = await site.createUser()
    const response = await patch(headers, { avatar_url })
    expect([response.statusCode, response.json().errors?.[0]?.path]).toEqual([400, '/avatar_url'])
  })

  test.each([
    { role: 'admin' },
    { email: 'other@example.test' },
    { id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' },
    { password: 'overwritten' },
    { suspended_at: null },
    { created_at: '2020-01-01T00:00:00Z' },
  ])('does not take %j', async (field) => {
    const { headers, email } = await site.createUser()
    expect((await patch(headers, field)).statusCode).toBe(400)
    const me = await site.app.inject({ url: '/api/v1/me', headers })
    expect(me.json()).toMatchObject({ role: 'user', email })
  })

  test('has a cost cap, which a key can neither set nor lift', async () => {
    const { headers } = await signUpForTest(site)
    const cap = async (cost_cap_usd: unknown) => {
      const { statusCode, body } = await patch(headers, { cost_cap_usd })
      return [statusCode, JSON.parse(body).cost_cap_usd]
    }
    expect(await cap('25')).toEqual([200, '25.00'])
    for (const wrong of ['-1', '1.234', '1e3', '1,50', '', '1234567890', 25]) expect((await cap(wrong))[0]).toBe(400)
    expect((await patch(headers, { first_name: 'Ada' })).json().cost_cap_usd).toBe('25.00')
    expect(await cap('0')).toEqual([200, '0.00'])
    expect(await cap(null)).toEqual([200, null])
    const withKey = await site.createUser()
    expect((await patch(withKey.headers, { cost_cap_usd: null })).statusCode).toBe(403)
  })

  test('never shows the password', async () => {
    const { headers } = await signUpForTest(site)
    const response = await site.app.inject({ url: '/api/v1/me', headers })
    expect(Object.keys(response.json()).sort()).toEqual([
      'avatar_url',
      'cost_cap_usd',
      'created_at',
      'email',
      'first_name',
      'id',
      'last_name',
      'role',
      'updated_at',
    ])
  })
})

describe('my password', () => {
  const change = (headers: object, current_password: string, new_password = 'another long password') =>
    site.app.inject({
      method: 'POST',
      url: '/api/v1/me/password',
      headers: { ...headers },
      payload: { current_password, new_password },
    })

  test('needs the present one; afterwards only the new one signs in', async () => {
    const { headers, email } = await signUpForTest(site)
    const wrong = await change(headers, 'not it at all')
    expect([wrong.statusCode, wrong.json().errors[0].path]).toEqual([400, '/current_password'])
    expect((await change(headers, testPassword)).statusCode).toBe(204)
    await expect(signInForTest(site, email)).rejects.toThrow('wrong_credentials')
    await expect(signInForTest(site, email, 'another long password')).resolves.toMatchObject({ email })
  })

  test('cannot be guessed with a stolen session', async () => {
    const { headers } = await signUpForTest(site)
    const guesses = await Promise.all(Array.from({ length: 15 }, (_, i) => change(headers, `guess ${i}`)))
    expect(guesses.filter(({ statusCode }) => statusCode === 400)).toHaveLength(10)
    const refused = await change(headers, testPassword)
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'too_many_attempts'])
  })

  test('changed twice at once is changed once', async () => {
    const { headers } = await signUpForTest(site)
    const responses = await Promise.all([
      change(headers, testPassword, 'new password one'),
      change(headers, testPassword, 'new password two'),
    ])
    const statuses = responses.map(({ statusCode }) => statusCode).sort()
    expect([
      [204, 400],
      [204, 409],
    ]).toContainEqual(statuses)
  })
})

describe('my sessions', () => {
  test('are listed with the present one marked, and can be ended one by one', async () => {
    const first = await signUpForTest(site)
    const second = await signInForTest(site, first.email)
    const list = async () => {
      const response = await site.app.inject({ url: '/api/v1/me/sessions', headers: first.headers })
      return response.json().data as { id: string; is_current: boolean }[]
    }
    const sessions = await list()
    expect(sessions.map(({ is_current }) => is_current)).toEqual([false, true])
    expect(Object.keys(sessions[0] ?? {}).sort()).toEqual([
      'created_at',
      'expires_at',
      'id',
      'is_current',
      'rotated_at',
      'user_agent_header',
    ])
    const ended = await site.app.inject({
      method: 'DELETE',
      url: `/api/v1/me/sessions/${sessions[0]?.id}`,
      headers: first.headers,
    })
    expect(ended.statusCode).toBe(204)
    expect(await list()).toHaveLength(1)
    await waitForCredentials()
    expect((await site.app.inject({ url: '/api/v1/me', headers: second.headers })).statusCode).toBe(401)
  })

  test('of somebody else are not found and go on', async () => {
    const [mine, other] = await Promise.all([signUpForTest(site), signUpForTest(site)])
    const otherId = other.refreshToken.split('.')[0]
    const response = await site.app.inject({
      method: 'DELETE',
      url: `/api/v1/me/sessions/${otherId}`,
      headers: mine.headers,
    })
    expect(response.statusCode).toBe(404)
    const theirs = await site.app.inject({ url: '/api/v1/me/sessions', headers: other.headers })
    expect(theirs.json().data.map(({ id }: { id: string }) => id)).toEqual([otherId])
  })
})

describe('accounts, for admins', () => {
  const patch = (id: string, payload: object, headers: object = admin.headers) =>
    site.app.inject({ method: 'PATCH', url: `/api/v1/admin/users/${id}`, headers: { ...headers }, payload })

  test('are closed to everybody else', async () => {
    const user = await signUpForTest(site)
    const list = await site.app.inject({ url: '/api/v1/admin/users', headers: user.headers })
    expect([list.statusCode, list.json().code]).toEqual([403, 'forbidden'])
    expect((await patch(user.id, { role: 'admin' }, user.headers)).statusCode).toBe(403)
    expect((await patch(admin.id, { is_suspended: true }, user.headers)).statusCode).toBe(403)
    expect((await site.app.inject({ url: '/api/v1/me', headers: user.headers })).json().role).toBe('user')
  })

  test('are listed newest first in pages, each once', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const boss = await fresh.createUser('admin')
    const made = [boss.id]
    for (let i = 0; i < 6; i++) made.unshift((await fresh.createUser()).id)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const response = await fresh.app.inject({
        url: '/api/v1/admin/users',
        query: { limit: '3', ...(cursor ? { cursor } : {}) },
        headers: boss.headers,
      })
      const page: { data: { id: string; suspended_at: null }[]; next_cursor: string | null } = response.json()
      expect(page.data.every((user) => user.suspended_at === null && !('password' in user))).toBe(true)
      seen.push(...page.data.map(({ id }) => id))
      cursor = page.next_cursor
    } while (cursor)
    expect(seen).toEqual(made)
  })

  test('are found by a part of e-mail or name, with % and _ as plain text', async () => {
    const found = await signUpForTest(site, 'per_cent100@example.test')
    await signUpForTest(site, 'perxcent100@example.test')
    const search = async (text: string) => {
      const response = await site.app.inject({
        url: '/api/v1/admin/users',
        query: { search: text },
        headers: admin.headers,
      })
      return response.json().data.map(({ id }: { id: string }) => id)
    }
    expect(await search('PER_CENT')).toEqual([found.id])
    expect(await search('%')).toEqual([])
    expect(await search("' or 1=1 --")).toEqual([])
    expect((await search('cent100')).length).toBe(2)
  })

  test('are promoted, suspended and let in again', async () => {
    const { id } = await site.createUser()
    expect((await patch(id, { role: 'admin' })).json()).toMatchObject({ role: 'admin', suspended_at: null })
    const suspended = (await patch(id, { is_suspended: true, role: 'user' })).json()
    expect(suspended).toMatchObject({ role: 'user' })
    expect(Date.parse(suspended.suspended_at)).toBeGreaterThan(Date.now() - 10_000)
    expect((await patch(id, { is_suspended: true })).json().suspended_at).toBe(suspended.suspended_at)
    expect((await patch(id, { is_suspended: false })).json().suspended_at).toBeNull()
  })

  test('are not found when they do not exist, and unknown fields are refused', async () => {
    expect((await patch('019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', { role: 'user' })).statusCode).toBe(404)
    expect((await patch(admin.id, { email: 'x@example.test' })).statusCode).toBe(400)
    expect((await patch(admin.id, { role: 'service_role' })).statusCode).toBe(400)
    expect((await patch('not-an-id', { role: 'user' })).statusCode).toBe(400)
  })

  test('always keep one admin: the last can be neither demoted nor suspended', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const boss = await fresh.createUser('admin')
    await fresh.createUser()
    for (const payload of [{ role: 'user' }, { is_suspended: true }]) {
      const response = await fresh.app.inject({
        method: 'PATCH',
        url: `/api/v1/admin/users/${boss.id}`,
        headers: boss.headers,
        payload,
      })
      expect([response.statusCode, response.json().code]).toEqual([409, 'conflict'])
    }
  })

  test('always keep one admin, also when all demote each other at once', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const admins = await Promise.all(Array.from({ length: 4 }, () => fresh.createUser('admin')))
    const statuses = await Promise.all(
      admins.map(async ({ headers }, i) => {
        const response = await fresh.app.inject({
          method: 'PATCH',
          url: `/api/v1/admin/users/${admins[(i + 1) % 4]?.id}`,
          headers,
          payload: { role: 'user' },
        })
        return response.statusCode
      }),
    )
    const left = await fresh.database.asSystem('a test', (tx) =>
      tx.selectFrom('users').select('id').where('role', '=', 'admin').execute(),
    )
    expect(left.length).toBeGreaterThanOrEqual(1)
    expect(statuses.filter((status) => status === 200)).toHaveLength(4 - left.length)
    expect(statuses.every((status) => [200, 403, 409].includes(status))).toBe(true)
  })
})
