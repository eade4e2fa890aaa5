import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { startSmtpServer } from '../integrations/types/smtp/smtp-server-testing.ts'
import { createLog } from '../log.ts'
import { openMailer } from '../mail/open-mailer.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { sendLimitWarnings } from './send-limit-warnings.ts'

let site: TestDatabase
beforeAll(async () => {
  site = await createTestDatabase()
})
afterAll(() => site.close())

const now = new Date('2026-11-22T10:00:00Z')
const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000)
const system = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
// Each test alone: the job looks at everybody.
beforeEach(() => system((tx) => tx.deleteFrom('users').execute()))

const noMail = openMailer({ mail: undefined, publicUrl: undefined })
const mailerOn = (port: number) =>
  openMailer({
    mail: { smtpUrl: `smtp://127.0.0.1:${port}?tls=none`, from: 'agents@example.com' },
    publicUrl: 'https://agents.example.com',
  })
const startMail = () => startSmtpServer({ authOptional: true })
const warn = (mailer = noMail, at = now) =>
  sendLimitWarnings({ database: site.database, mailer, log: createLog('silent') }, at)

interface Limits {
  runs_per_month?: number | null
  tokens_per_month?: number | null
  cost_usd_per_month?: number | null
}

async function subscribe(user: TestUser, limits: Limits, state: object = {}): Promise<void> {
  const planId = createId()
  await system(async (tx) => {
    await tx
      .insertInto('plans')
      .values({ id: planId, name: 'Starter', description: '', price: '49.00', features: JSON.stringify({ limits }) })
      .execute()
    await tx.updateTable('subscriptions').set({ is_current: false }).where('user_id', '=', user.id).execute()
    await tx
      .insertInto('subscriptions')
      .values({
        id: createId(),
        user_id: user.id,
        plan_id: planId,
        status: 'active',
        is_current: true,
        start_date: new Date('2026-11-01T00:00:00Z'),
        ...state,
      })
      .execute()
  })
}

const use = (user: TestUser, used: { runs?: number; input_tokens?: number; cost_usd?: number }, month = '2026-11-01') =>
  system((tx) =>
    sql`insert into usage_months (user_id, month, runs, input_tokens, cost_usd)
      values (${user.id}, ${month}::date, ${used.runs ?? 0}, ${used.input_tokens ?? 0}, ${used.cost_usd ?? 0})
      on conflict (user_id, month) do update set runs = excluded.runs, input_tokens = excluded.input_tokens,
        cost_usd = excluded.cost_usd`.execute(tx),
  )
const listWarnings = (user: TestUser) =>
  site.database.withUser(user.claims, async (tx) => {
    const rows = await tx
      .selectFrom('limit_warnings')
      .select(['limit_name', 'threshold'])
      .orderBy('limit_name')
      .orderBy('threshold')
      .execute()
    return rows.map(({ limit_name, threshold }) => `${limit_name} ${threshold}`)
  })

describe('a warning', () => {
  test('is noted once 80 or 100 % of a limit of the plan or of one’s own is used, and is one’s own', async () => {
    const [user, other] = [await site.createUser(), await site.createUser()]
    await subscribe(user, { runs_per_month: 10, tokens_per_month: 1000, cost_usd_per_month: 5 })
    await system((tx) => tx.updateTable('users').set({ cost_cap_usd: '4.00' }).where('id', '=', user.id).execute())
    await use(user, { runs: 7, input_tokens: 799, cost_usd: 3.19 })
    await use(other, { runs: 1000 })
    await warn()
    expect(await listWarnings(user)).toEqual([])
    await use(user, { runs: 8, input_tokens: 1000, cost_usd: 4 })
    await warn()
    const expected = ['cost_cap 100', 'cost_usd_per_month 80', 'runs_per_month 80', 'tokens_per_month 100']
    expect(await listWarnings(user)).toEqual(expected)
    expect(await listWarnings(other)).toEqual([])
    // A run that failed gives its unit back; what was said stays said.
    await use(user, { runs: 7, input_tokens: 999, cost_usd: 3.9 })
    await warn()
    expect(await listWarnings(user)).toEqual(expected)
  })

  test('is not for admins, but of their own cap; not for who has lapsed; and not of the last month', async () => {
    const [admin, lapsed, former] = [await site.createUser('admin'), await site.createUser(), await site.createUser()]
    for (const user of [admin, former]) await subscribe(user, { runs_per_month: 10 })
    await subscribe(lapsed, { runs_per_month: 10 }, { status: 'past_due', grace_until: later(-1) })
    await system((tx) => tx.updateTable('users').set({ cost_cap_usd: '1.00' }).where('id', '=', admin.id).execute())
    await use(admin, { runs: 10, cost_usd: 1 })
    await use(lapsed, { runs: 10 })
    await use(former, { runs: 10 }, '2026-10-01')
    await warn()
    expect(await listWarnings(admin)).toEqual(['cost_cap 100'])
    expect([await listWarnings(lapsed), await listWarnings(former)]).toEqual([[], []])
  })

  test('is of the default plan where nobody has subscribed, and goes when a larger plan takes its place', async () => {
    const user = await site.createUser()
    await system((tx) => tx.updateTable('plans').set({ is_default: false }).where('is_default', '=', true).execute())
    await system((tx) =>
      tx
        .insertInto('plans')
        .values({
          id: createId(),
          name: 'Free',
          description: '',
          price: '0',
          is_default: true,
          features: JSON.stringify({ limits: { runs_per_month: 10 } }),
        })
        .execute(),
    )
    await use(user, { runs: 10 })
    await warn()
    expect(await listWarnings(user)).toEqual(['runs_per_month 100'])
    await subscribe(user, { runs_per_month: 100 })
    await warn()
    expect(await listWarnings(user)).toEqual([])
    await use(user, { runs: 80 })
    await warn()
    expect(await listWarnings(user)).toEqual(['runs_per_month 80'])
    await subscribe(user, { runs_per_month: null })
    await warn()
    expect(await listWarnings(user)).toEqual([])
  })
})

describe('an e-mail', () => {
  test('says what is used, what it means and what to do, once for all limits', async () => {
    const { port, received } = await startMail()
    const user = await site.createUser()
    await subscribe(user, { runs_per_month: 5000, cost_usd_per_month: 20 })
    await use(user, { runs: 4000, cost_usd: 20 })
    for (const at of [now, later(1), later(600)]) await warn(mailerOn(port), at)
    expect(received).toHaveLength(1)
    expect(received[0]!.to).toEqual([user.email])
    expect(received[0]!.parsed.subject).toBe('Limits of this month are reached')
    expect(received[0]!.parsed.text).toBe(`Hello Test,

You have used $20.00 of the $20.00 of model cost a month that your plan (Starter) includes: all of it.
You have used 4,000 of the 5,000 runs a month that your plan (Starter) includes: 80 %.

What it means: your agents take no new runs until December 1, 2026, 00:00 UTC. What runs already goes on to its end, and nothing you have made or logged is lost.

What you can do: choose a plan that includes more, which works at once.
https://agents.example.com/plans

You get this e-mail once for each limit and month.
`)
  })

  test('tells of 80 %, then of 100 %, but not of 80 % after 100 %', async () => {
    const { port, received } = await startMail()
    const [slow, fast] = [await site.createUser(), await site.createUser()]
    for (const user of [slow, fast]) await subscribe(user, { runs_per_month: 10 })
    await use(slow, { runs: 8 })
    await warn(mailerOn(port))
    await use(slow, { runs: 10 })
    await use(fast, { runs: 8 })
    // Noted while the mail server was away.
    await warn(noMail, later(1))
    await use(fast, { runs: 10 })
    await warn(mailerOn(port), later(2))
    await use(fast, { runs: 9 })
    await warn(mailerOn(port), later(3))
    const subjects = (user: TestUser) =>
      received.filter(({ to }) => to[0] === user.email).map(({ parsed }) => parsed.subject)
    expect(subjects(slow)).toEqual(['80 % of this month’s runs are used', 'All of this month’s runs are used'])
    expect(subjects(fast)).toEqual(['All of this month’s runs are used'])
  })

  test('is sent by one of many servers', async () => {
    const { port, received } = await startMail()
    const users = await Promise.all(Array.from({ length: 6 }, () => site.createUser()))
    for (const user of users) {
      await subscribe(user, { runs_per_month: 10, tokens_per_month: 10 })
      await use(user, { runs: 8, input_tokens: 10 })
    }
    const mailer = mailerOn(port)
    await Promise.all(Array.from({ length: 4 }, () => warn(mailer)))
    expect(received.map(({ to }) => to[0]).sort()).toEqual(users.map(({ email }) => email).sort())
  })

  test('that was not taken is tried five times, further and further apart; one refused for good is not', async () => {
    let tries: string[] = []
    const { port } = await startSmtpServer({
      authOptional: true,
      onRcptTo({ address }, _session, callback) {
        tries.push(address)
        callback(Object.assign(new Error('no'), { responseCode: address.startsWith('gone') ? 550 : 451 }))
      },
    })
    const [user, gone] = [await site.createUser(), await site.createUser()]
    await system((tx) =>
      tx.updateTable('users').set({ email: 'gone@example.test' }).where('id', '=', gone.id).execute(),
    )
    for (const one of [user, gone]) {
      await subscribe(one, { runs_per_month: 10 })
      await use(one, { runs: 10 })
    }
    const mailer = mailerOn(port)
    const triedAt: number[] = []
    for (const minutes of [0, 1, 4, 5, 6, 29, 30, 31, 119, 120, 121, 479, 480, 481, 700, 1439, 1500]) {
      tries = []
      await warn(mailer, later(minutes))
      if (tries.includes(user.email)) triedAt.push(minutes)
      if (minutes > 1) expect(tries).not.toContain('gone@example.test')
    }
    expect(triedAt).toEqual([0, 5, 30, 120, 480])
  })

  test('is not for who is suspended', async () => {
    const { port, received } = await startMail()
    const user = await site.createUser()
    await subscribe(user, { runs_per_month: 10 })
    await use(user, { runs: 10 })
    await system((tx) => tx.updateTable('users').set({ suspended_at: now }).where('id', '=', user.id).execute())
    await warn(mailerOn(port))
    expect(received).toEqual([])
    await system((tx) => tx.updateTable('limit_warnings').set({ emailed_at: null, attempts: 0 }).execute())
    await system((tx) => tx.updateTable('users').set({ suspended_at: null }).where('id', '=', user.id).execute())
    await warn(mailerOn(port))
    expect(received).toHaveLength(1)
  })
})
