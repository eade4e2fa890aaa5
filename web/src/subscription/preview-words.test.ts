import { expect, test } from 'vitest'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { describePreview, forgetsLogs } from './preview-words.ts'
import type { Preview } from './subscription-queries.ts'

const plan = { name: 'Starter', price: '49.00', yearly_price: '490.00', currency: 'USD', is_by_arrangement: false }
const preview: Preview = {
  kind: 'begin',
  takes_effect_at: null,
  amount_due_cents: 4900,
  currency: 'USD',
  trial_days: 0,
  must_choose: null,
  ends: [],
}
const now = new Date('2026-11-22T12:00:00.000Z')
const later = '2026-12-22T12:00:00.000Z'

test('what is paid at Stripe says how much and where', () => {
  const words = describePreview(preview, plan, 'month', 'Free', now)
  expect(words).toMatchObject({ dueNow: '$49', button: 'Go to payment' })
  expect(words.lines.join(' ')).toMatch(/\$49 a month.*page of Stripe/)
})

test('a trial costs nothing now and says what comes after it', () => {
  const words = describePreview({ ...preview, trial_days: 14, amount_due_cents: 0 }, plan, 'year', 'Free', now)
  expect(words.dueNow).toBe('Nothing')
  expect(words.lines[0]).toMatch(/14 days for free, then \$490 a year/)
})

test('an upgrade is due at once, with what was paid taken off', () => {
  const words = describePreview(
    { ...preview, kind: 'upgrade', takes_effect_at: later, amount_due_cents: 10_000 },
    { ...plan, name: 'Professional', price: '149.00' },
    'month',
    'Starter',
    now,
  )
  expect(words).toMatchObject({ dueNow: '$100', button: 'Change now and pay $100' })
  expect(words.lines.join(' ')).toMatch(/taken off/)
})

test('a downgrade waits for what is paid for, and costs nothing now', () => {
  const words = describePreview(
    { ...preview, kind: 'downgrade', takes_effect_at: later, amount_due_cents: 0 },
    plan,
    'month',
    'Professional',
    now,
  )
  expect(words.dueNow).toBe('Nothing')
  expect(words.lines[0]).toMatch(/^Professional stays as it is until/)
  expect(words.lines[1]).toMatch(/Then Starter begins for \$49 a month/)
})

test('a downgrade with nothing to wait for begins at once', () => {
  const free = { ...plan, name: 'Free', price: '0.00', yearly_price: null }
  const down = { ...preview, kind: 'downgrade', takes_effect_at: now.toISOString(), amount_due_cents: 0 } as const
  expect(describePreview(down, free, 'month', 'Professional', now).lines).toEqual(['Free begins at once.'])
})

test('a free plan is taken at once, and a request says that somebody answers it', () => {
  const free = { ...plan, name: 'Free', price: '0.00', yearly_price: null }
  expect(
    describePreview({ ...preview, amount_due_cents: 0, takes_effect_at: later }, free, 'month', null, now),
  ).toEqual({
    dueNow: 'Nothing',
    lines: ['Free begins at once.'],
    button: 'Take Free',
  })
  const asked = describePreview({ ...preview, kind: 'request', amount_due_cents: null }, plan, 'month', null, now)
  expect(asked).toMatchObject({ dueNow: null, button: 'Send the request' })
})

test('a plan that keeps logs for less time says that it deletes them', () => {
  const keeping = (log_retention_days: number | null) => {
    const limits = { log_retention_days } as Plan['features']['limits']
    return { name: 'Starter', features: { limits } as Plan['features'] }
  }
  expect(forgetsLogs(keeping(90), keeping(null))).toMatch(/older than 90 days are deleted/)
  expect(forgetsLogs(keeping(90), keeping(365))).toMatch(/Starter.*90 days/)
  expect(forgetsLogs(keeping(90), null)).toMatch(/90 days/)
  expect(forgetsLogs(keeping(365), keeping(90))).toBeNull()
  expect(forgetsLogs(keeping(null), keeping(90))).toBeNull()
  expect(forgetsLogs(keeping(90), keeping(90))).toBeNull()
})
