import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { startSmtpServer } from '../integrations/types/smtp/smtp-server-testing.ts'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { openMailer } from './open-mailer.ts'
import { sendSubscriptionNews } from './send-subscription-news.ts'

let site: TestDatabase
beforeAll(async () => {
  site = await createTestDatabase()
})
afterAll(() => site.close())

const now = new Date('2026-11-22T10:00:00Z')
const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000)
const system = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
beforeEach(() => system((tx) => tx.deleteFrom('users').execute()))

const mailerOn = (port: number) =>
  openMailer({
    mail: { smtpUrl: `smtp://127.0.0.1:${port}?tls=none`, from: 'agents@example.com' },
    publicUrl: 'https://agents.example.com',
  })
const tell = (port: number, at = now) =>
  sendSubscriptionNews({ database: site.database, mailer: mailerOn(port), log: createLog('silent') }, at)
const start = () => startSmtpServer({ authOptional: true })

async function createPlan(name: string): Promise<string> {
  const id = createId()
  await system((tx) =>
    tx.insertInto('plans').values({ id, name, description: '', price: '49.00', features: '{}' }).execute(),
  )
  return id
}

/** A subscription as it stands now, with the event that led there. */
async function happen(user: TestUser, type: string, status: string, state: object = {}, at = now): Promise<void> {
  const planId = await createPlan('Starter')
  const id = createId()
  await system(async (tx) => {
    await tx
      .insertInto('subscriptions')
      .values({ id, user_id: user.id, plan_id: planId, status, is_current: true, start_date: at, ...state })
      .execute()
    await tx
      .insertInto('subscription_events')
      .values({
        id: createId(),
        subscription_id: id,
        user_id: user.id,
        type,
        to_status: status,
        to_plan_id: planId,
        created_at: at,
      })
      .execute()
  })
}

async function answer(user: TestUser, status: string, text: string | null): Promise<void> {
  const planId = await createPlan('Enterprise')
  await system((tx) =>
    tx
      .insertInto('plan_requests')
      .values({
        id: createId(),
        user_id: user.id,
        plan_id: planId,
        status,
        answer: text,
        ...(status !== 'open' && { decided_at: now }),
      })
      .execute(),
  )
}

test('who did not pay is told until when agents go on; who has lapsed, that everything is kept', async () => {
  const { port, received } = await start()
  const [late, ended] = [await site.createUser(), await site.createUser()]
  await happen(late, 'payment_failed', 'past_due', { grace_until: new Date('2026-11-29T10:00:00Z') })
  await happen(ended, 'expired', 'expired')
  for (const minutes of [0, 1, 10]) await tell(port, later(minutes))
  const mails = Object.fromEntries(received.map(({ to, parsed }) => [to[0], parsed]))
  expect(received).toHaveLength(2)
  expect(mails[late.email]?.subject).toBe('Your payment did not go through')
  expect(mails[late.email]?.text).toContain('your agents go on until November 29, 2026.')
  expect(mails[late.email]?.text).toContain('https://agents.example.com/subscription\n')
  expect(mails[ended.email]?.subject).toBe('Your subscription has ended')
  expect(mails[ended.email]?.text).toContain('your subscription of Starter has ended.')
  expect(mails[ended.email]?.text).toContain('https://agents.example.com/plans\n')
})

test('what has changed again, was replaced, is old, or happens to somebody suspended is not told', async () => {
  const { port, received } = await start()
  const [paid, replaced, old, suspended, other] = await Promise.all(Array.from({ length: 5 }, () => site.createUser()))
  await happen(paid!, 'payment_failed', 'active')
  await happen(replaced!, 'canceled', 'canceled', { is_current: false })
  await happen(old!, 'expired', 'expired', {}, later(-1441))
  await happen(suspended!, 'expired', 'expired')
  await system((tx) => tx.updateTable('users').set({ suspended_at: now }).where('id', '=', suspended!.id).execute())
  await happen(other!, 'renewed', 'active')
  await tell(port)
  expect(received).toEqual([])
})

test('an answer to a request is told with what the admin wrote; an open request is not', async () => {
  const { port, received } = await start()
  const [lucky, refused, waiting] = await Promise.all(Array.from({ length: 3 }, () => site.createUser()))
  await answer(lucky!, 'accepted', 'Welcome aboard.')
  await answer(refused!, 'refused', null)
  await answer(waiting!, 'open', null)
  for (const minutes of [0, 1]) await tell(port, later(minutes))
  const texts = Object.fromEntries(received.map(({ to, parsed }) => [to[0], parsed.text]))
  expect(received).toHaveLength(2)
  expect(texts[lucky!.email]).toContain(
    'your request for the plan Enterprise was accepted.\n\nThe answer: Welcome aboard.',
  )
  expect(texts[refused!.email]).toContain('was not accepted.\n\nWhat it means:')
})

test('each is told by one of many servers, and again later when the mail server was away', async () => {
  const users = await Promise.all(Array.from({ length: 8 }, () => site.createUser()))
  for (const user of users) await happen(user, 'expired', 'expired')
  await tell(9)
  const tried = await system((tx) =>
    sql<{ count: number }>`select count(*) from subscription_events where email_attempts > 0`.execute(tx),
  )
  // Nobody else waits for a server that is away.
  expect(tried.rows[0]?.count).toBe(1)
  const { port, received } = await start()
  await Promise.all(Array.from({ length: 4 }, () => tell(port, later(1))))
  expect(received).toHaveLength(7)
  await Promise.all(Array.from({ length: 4 }, () => tell(port, later(5))))
  expect(received.map(({ to }) => to[0]).sort()).toEqual(users.map(({ email }) => email).sort())
})
