import { expect, test } from 'vitest'
import { nextWords, paidWords, shortDate } from './subscription-line.ts'

const paid = {
  status: 'active',
  source: 'stripe',
  billing_interval: 'month',
  price: '49.00',
  currency: 'USD',
  start_date: '2026-11-01T00:00:00.000Z',
  end_date: null,
  period_end: '2026-12-01T12:00:00.000Z',
  trial_end: null,
  cancel_at_period_end: false,
  grace_until: null,
  next_plan_id: null,
} as const
const end = shortDate(paid.period_end)

test('what is paid and how', () => {
  expect(paidWords(paid)).toBe('$49 a month, Stripe')
  expect(paidWords({ ...paid, source: 'manual', billing_interval: 'year', price: '490.00' })).toBe(
    '$490 a year, by hand',
  )
  expect(paidWords({ ...paid, source: 'comp', price: '0.00' })).toBe('Given')
  expect(paidWords({ ...paid, source: 'free', price: '0.00' })).toBe('Free plan')
})

test('what comes next, and what is urgent before what is far', () => {
  expect(nextWords(paid)).toBe(`Renews on ${end}`)
  expect(nextWords({ ...paid, next_plan_id: 'x' })).toBe(`Changes to another plan on ${end}`)
  expect(nextWords({ ...paid, next_plan_id: 'x', cancel_at_period_end: true })).toBe(`Cancelled, ends on ${end}`)
  expect(nextWords({ ...paid, status: 'past_due', grace_until: paid.period_end })).toBe(
    `Payment failed; runs until ${end}`,
  )
  expect(nextWords({ ...paid, status: 'past_due' })).toBe('Payment failed; nothing runs')
  expect(nextWords({ ...paid, status: 'trialing', trial_end: paid.period_end })).toBe(`On trial until ${end}`)
  expect(nextWords({ ...paid, source: 'manual', end_date: paid.period_end })).toBe(`Ends on ${end}`)
  expect(nextWords({ ...paid, source: 'comp', period_end: null })).toBe(`Since ${shortDate(paid.start_date)}, no end`)
  expect(nextWords({ ...paid, status: 'expired', end_date: paid.period_end })).toBe(`Ended on ${end}`)
})
