import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { type Attempt, clearAttempts, readAddressOwner, returnAttempt, takeAttempt } from './attempt-limits.ts'
import { deleteExpiredSignInRows } from './session-queries.ts'

let testDatabase: TestDatabase
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())

const start = new Date('2026-11-22T09:00:00Z')
const after = (seconds: number) => new Date(start.getTime() + seconds * 1000)
const take = (attempt: Attempt, now: Date) =>
  testDatabase.database.asSystem('a test', (tx) => takeAttempt(tx, attempt, now))

test('of a hundred attempts at once, ten pass', async () => {
  const attempt: Attempt = { limit: 'sign-in:account', of: 'race@example.test' }
  const waits = await Promise.all(Array.from({ length: 100 }, () => take(attempt, start)))
  expect(waits.filter((wait) => wait === null)).toHaveLength(10)
  expect(new Set(waits)).toEqual(new Set([null, 600]))
})

test('the window begins with the first attempt, and refused ones do not lengthen it', async () => {
  const attempt: Attempt = { limit: 'sign-in:account', of: 'window@example.test' }
  for (let i = 0; i < 10; i++) expect(await take(attempt, after(i * 30))).toBeNull()
  expect(await take(attempt, after(400))).toBe(200)
  expect(await take(attempt, after(599))).toBe(1)
  expect(await take(attempt, after(600))).toBeNull()
  for (let i = 0; i < 9; i++) expect(await take(attempt, after(700))).toBeNull()
  expect(await take(attempt, after(700))).toBe(500)
})

test('clearing begins anew, and giving back makes room for one', async () => {
  const attempt: Attempt = { limit: 'password:user', of: 'somebody' }
  for (let i = 0; i < 10; i++) await take(attempt, start)
  await testDatabase.database.asSystem('a test', (tx) => returnAttempt(tx, attempt))
  expect(await take(attempt, start)).toBeNull()
  expect(await take(attempt, start)).not.toBeNull()
  await testDatabase.database.asSystem('a test', (tx) => clearAttempts(tx, attempt))
  expect(await take(attempt, start)).toBeNull()
})

test('old counters are cleaned away and fresh ones stay', async () => {
  await take({ limit: 'sign-up:address', of: 'old' }, new Date(Date.now() - 2 * 86_400_000))
  await take({ limit: 'sign-up:address', of: 'fresh' }, new Date())
  await testDatabase.database.asSystem('a test', deleteExpiredSignInRows)
  const rows = await testDatabase.database.asSystem('a test', (tx) =>
    tx.selectFrom('sign_in_attempts').selectAll().execute(),
  )
  expect(rows.every(({ window_start }) => window_start.getTime() > Date.now() - 86_400_000)).toBe(true)
  expect(rows.length).toBeGreaterThan(0)
})

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['not an address', 'not an address'],
])('%s counts as %s', (ip, owner) => {
  expect(readAddressOwner(ip)).toBe(owner)
})
