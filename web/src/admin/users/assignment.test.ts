import { expect, test } from 'vitest'
import { freshDraft, toBody } from '../plans/plan-draft.ts'
import { describeAssignment, findAssignmentFaults, freshAssignment, toAssignment } from './assignment.ts'

const id = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const today = new Date('2026-11-22T12:00:00')
const draft = { ...freshAssignment, plan_id: id, reason: 'Agreed on the phone' }
const moment = '2026-11-22T09:30:00.000Z'
const plan = {
  ...toBody({ ...freshDraft, name: 'Studio', description: 'x', price: '79', yearly_price: '790' }),
  id,
  slug: null,
  archived_at: null,
  subscribers: 0,
  created_at: moment,
  updated_at: moment,
}

test('a plan that is given carries neither price nor trial', () => {
  const typed = { ...draft, price: '10', trial_days: '14' }
  expect(toAssignment(typed)).toEqual({
    plan_id: id,
    source: 'comp',
    billing_interval: null,
    end_date: null,
    reason: 'Agreed on the phone',
  })
  expect(toAssignment({ ...typed, source: 'manual', price: '39,5' })).toMatchObject({
    source: 'manual',
    billing_interval: 'month',
    price: '39.5',
    trial_days: 14,
  })
})

test('the last day counts as a whole', () => {
  const { end_date } = toAssignment({ ...draft, last_day: '2026-12-31' })
  expect(new Date(end_date as unknown as string)).toEqual(new Date('2027-01-01T00:00:00'))
})

test('what cannot be sent is told at its field', () => {
  expect(findAssignmentFaults(draft, today)).toEqual({})
  expect(findAssignmentFaults({ ...draft, last_day: '2026-11-22' }, today)).toEqual({})
  const wrong = { ...freshAssignment, source: 'manual', price: 'x', trial_days: '0', last_day: '2026-11-21' } as const
  expect(Object.keys(findAssignmentFaults(wrong, today)).sort()).toEqual([
    'last_day',
    'plan_id',
    'price',
    'reason',
    'trial_days',
  ])
})

test('it says what will happen before it does', () => {
  expect(describeAssignment(draft, plan, 'Starter')).toMatch(
    /^They have Studio at once, for nothing\. It has no end\. Starter ends/,
  )
  expect(describeAssignment({ ...draft, source: 'manual', billing_interval: 'year' }, plan, null)).toMatch(
    /for \$790 a year, which you collect yourself/,
  )
  expect(describeAssignment({ ...draft, plan_id: '' }, undefined, null)).toMatch(/^Choose a plan/)
})
