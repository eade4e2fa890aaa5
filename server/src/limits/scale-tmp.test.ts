import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../testing/test-app.ts'
import { noteLimitWarnings } from './warning-queries.ts'
import { compareUsers } from '../usage/reconciliation-queries.ts'

test('scale', { timeout: 120_000 }, async () => {
  const site = await createTestDatabase()
  const now = new Date('2026-11-22T10:00:00Z')
  await site.database.asSystem('a test', (tx) => sql`insert into plans (id, name, description, price, features) values ('019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012','P','','1','{"limits":{"runs_per_month":100,"tokens_per_month":1000,"cost_usd_per_month":5}}')`.execute(tx))
  await site.database.asSystem('a test', (tx) => sql`with made as (insert into users (id, email, password) select gen_random_uuid(), n || '@example.test', 'x' from generate_series(1, 50000) n returning id),
   s as (insert into subscriptions (id, user_id, plan_id, status, is_current, start_date) select gen_random_uuid(), id, '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', 'active', true, now() from made)
   insert into usage_months (user_id, month, runs) select id, '2026-11-01', (random()*90)::int from made`.execute(tx), { statementTimeoutMs: 60000 })
  for (let n = 0; n < 3; n++) {
    const t = performance.now()
    await site.database.asSystem('a test', (tx) => noteLimitWarnings(tx, now), { statementTimeoutMs: 60000 })
    console.log('note', performance.now() - t)
  }
  const t = performance.now()
  const r = await site.database.asSystem('a test', (tx) => compareUsers(tx, { month: '2026-11-01', after: '00000000-0000-0000-0000-000000000000', limit: 200 }))
  console.log('compare 200', performance.now() - t, r.users)
  expect(1).toBe(1)
  await site.close()
})
