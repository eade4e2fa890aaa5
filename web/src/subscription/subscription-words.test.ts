import { expect, test } from 'vitest'
import type { Subscription } from './subscription-queries.ts'
import { actionsOf, describeState, longDate } from './subscription-words.ts'

const december = '2026-12-22T12:00:00.000Z'
const paid: Subscription = {
  id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
  plan_id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9013',
  status: 'active',
  source: 'stripe',
  billing_interval: 'month',
  price: '49.00',
  currency: 'USD',
  start_date: '2026-11-22T12:00:00.000Z',
  end_date: null,
  period_start: '2026-11-22T12:00:00.000Z',
  period_end: december,
  trial_end: null,
  cancel_at_period_end: false,
  canceled_at: null,
  grace_until: null,
  next_plan_id: null,
  next_billing_interval: null,
  next_keep: null,
  updated_at: '2026-11-22T12:00:00.000Z',
}
const describe = (subscription: Subscription | null, more: { is_lapsed?: boolean; next?: string } = {}) =>
  describeState({
    subscription,
    plan: { name: 'Starter' },
    next_plan: more.next ? { name: more.next } : null,
    is_lapsed: more.is_lapsed ?? false,
  }).sentence

test('what is paid by itself says when and how much', () => {
  expect(describe(paid)).toBe(`You have Starter for $49 a month. It renews by itself on ${longDate(december)} for $49.`)
})

test('what ends or changes says when, and that it can be taken back', () => {
  expect(describe({ ...paid, cancel_at_period_end: true })).toMatch(/until .*Then it ends, and nothing more is charged/)
  expect(describe({ ...paid, next_plan_id: paid.id }, { next: 'Free' })).toMatch(/Then Free begins/)
})

test('a change to a free plan is a cancellation at Stripe, and still said and taken back as a change', () => {
  const toFree = { ...paid, cancel_at_period_end: true, next_plan_id: paid.id } as const
  expect(describe(toFree, { next: 'Free' })).toMatch(/Then Free begins\.$/)
  expect(actionsOf({ subscription: toFree, is_lapsed: false })).toMatchObject({ canResume: false, canTakeBack: true })
})

test('who pays the same plan another way is not told of a new one', () => {
  const monthly = { ...paid, next_plan_id: paid.plan_id, next_billing_interval: 'month' } as const
  expect(describe(monthly, { next: 'Starter' })).toMatch(/^You have Starter\. From .* on it is paid by the month\.$/)
})

test('a trial says what it will cost, or that it ends by itself', () => {
  const trial = { ...paid, status: 'trialing', trial_end: december } as const
  expect(describe(trial)).toMatch(/for free until .* Then it costs \$49 a month\.$/)
  expect(describe({ ...trial, source: 'manual' })).toMatch(/Then it ends by itself\.$/)
  expect(describe({ ...trial, cancel_at_period_end: true })).toMatch(/Then it ends by itself\.$/)
})

test('a failed payment says until when things go on, and afterwards that they do not', () => {
  const late = { ...paid, status: 'past_due', grace_until: december } as const
  expect(describe(late)).toContain(`Everything goes on until ${longDate(december)}`)
  expect(describe(late, { is_lapsed: true })).toMatch(/Your agents are paused until it does/)
})

test('what has ended, what is given and what is free are told apart', () => {
  const ended = { ...paid, status: 'canceled', end_date: december } as const
  expect(describe(ended, { is_lapsed: true })).toBe(`Starter ended on ${longDate(december)}. Your agents are paused.`)
  expect(describe({ ...paid, source: 'comp', price: '0.00' })).toMatch(/given to you for free\. It does not end/)
  expect(describe({ ...paid, source: 'free', price: '0.00' })).toMatch(/costs nothing/)
  expect(describe(null)).toMatch(/costs nothing/)
})

test('only what can be done is offered', () => {
  const of = (subscription: Subscription | null, is_lapsed = false) => actionsOf({ subscription, is_lapsed })
  expect(of(paid)).toEqual({
    canCancel: true,
    canResume: false,
    canTakeBack: false,
    hasPortal: true,
    otherInterval: 'year',
  })
  expect(of({ ...paid, cancel_at_period_end: true })).toMatchObject({ canCancel: false, canResume: true })
  expect(of({ ...paid, next_plan_id: paid.id })).toMatchObject({ canTakeBack: true })
  expect(of({ ...paid, source: 'comp' })).toMatchObject({ canCancel: false, hasPortal: false })
  expect(of({ ...paid, status: 'canceled', cancel_at_period_end: true }, true)).toMatchObject({ canResume: false })
  expect(of(null)).toEqual({
    canCancel: false,
    canResume: false,
    canTakeBack: false,
    hasPortal: false,
    otherInterval: null,
  })
})
