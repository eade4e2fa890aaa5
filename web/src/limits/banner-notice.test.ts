import { expect, test } from 'vitest'
import { findNotice, hiddenMark } from './banner-notice.ts'
import type { Limits } from './limit-queries.ts'

const resets_at = '2026-12-01T00:00:00.000Z'
const runs = (used: number) => ({
  name: 'runs_per_month',
  limit: 5000,
  used,
  percent: Math.floor(used / 50),
  resets_at,
})
const cap = { name: 'cost_cap', limit: 25, used: 25, percent: 100, resets_at }
const subscription: NonNullable<Limits['subscription']> = {
  id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
  status: 'active',
  source: 'stripe',
  end_date: null,
  period_end: null,
  trial_end: null,
  grace_until: null,
  cancel_at_period_end: false,
}
const calm = { is_lapsed: false, subscription, plan: { id: 'p', name: 'Starter' }, limits: [runs(10)], warnings: [] }

test('nothing is said while all is well', () => {
  expect(findNotice(calm)).toBeNull()
})

test('a limit that is near or reached says the figures and when it begins anew', () => {
  const near = findNotice({ ...calm, limits: [runs(4100)], warnings: [{ limit: 'runs_per_month', threshold: 80 }] })
  expect(near).toMatchObject({ title: '4,100 of 5,000 runs of Starter are used', color: 'honey', canHide: true })
  const full = findNotice({ ...calm, limits: [runs(5000)], warnings: [{ limit: 'runs_per_month', threshold: 100 }] })
  expect(full).toMatchObject({ title: 'All 5,000 runs of Starter are used', color: 'red' })
  expect(full?.detail).toMatch(/paused.*begins anew on .*1/)
})

test('what is reached comes before what is near, and the own cap leads to the cap', () => {
  const notice = findNotice({
    ...calm,
    limits: [runs(4100), cap],
    warnings: [
      { limit: 'runs_per_month', threshold: 80 },
      { limit: 'cost_cap', threshold: 100 },
    ],
  })
  expect(notice).toMatchObject({ title: expect.stringContaining('$25.00'), action: { kind: 'cost-cap' } })
})

test('who has lapsed cannot put it away; a failed payment can be put away for the day', () => {
  const lapsed = findNotice({ ...calm, is_lapsed: true, warnings: [{ limit: 'runs_per_month', threshold: 100 }] })
  expect(lapsed).toMatchObject({ id: 'lapsed', canHide: false, action: { kind: 'plans' } })
  const late = { ...subscription, status: 'past_due', grace_until: '2026-11-29T12:00:00.000Z' }
  expect(findNotice({ ...calm, subscription: late })).toMatchObject({ id: 'past_due', canHide: true })
  expect(findNotice({ ...calm, subscription: late, is_lapsed: true })).toMatchObject({
    canHide: false,
    action: { kind: 'subscription' },
  })
})

test('what was put away comes back the next day', () => {
  const today = new Date(2026, 10, 22, 23, 59)
  const tomorrow = new Date(2026, 10, 23, 0, 1)
  expect(hiddenMark({ id: 'past_due' }, today)).toBe(hiddenMark({ id: 'past_due' }, new Date(2026, 10, 22, 8)))
  expect(hiddenMark({ id: 'past_due' }, today)).not.toBe(hiddenMark({ id: 'past_due' }, tomorrow))
  expect(hiddenMark({ id: 'runs_per_month_80' }, today)).not.toBe(hiddenMark({ id: 'runs_per_month_100' }, today))
})
