import { expect, test } from 'vitest'
import { chooseAddress, chooseLabel, isChosenPlan, planStateOf } from './choose-plan.ts'

const starter = {
  id: 'starter',
  name: 'Starter',
  price: '49.00',
  yearly_price: null,
  currency: 'USD',
  trial_days: 14,
  is_by_arrangement: false,
  is_default: false,
}

test('a plan is chosen before signing up and found again after it', () => {
  const { redirect } = chooseAddress(starter, 'year')
  expect(redirect).toBe('/subscription?choose=starter&interval=month')
  expect(isChosenPlan(redirect)).toBe(true)
  expect(isChosenPlan('/usage')).toBe(false)
  expect(isChosenPlan(undefined)).toBe(false)
})

test('the default plan needs no choosing', () => {
  expect(chooseAddress({ ...starter, price: '0.00', is_default: true }, 'month')).toEqual({})
})

test('the button says what comes next', () => {
  expect(chooseLabel(starter, true)).toBe('Try it 14 days for free')
  expect(chooseLabel(starter, false)).toBe('Choose Starter')
  expect(chooseLabel({ ...starter, price: '0.00' }, true)).toBe('Start free')
  expect(chooseLabel({ ...starter, is_by_arrangement: true }, true)).toBe('Talk to us')
})

test('a plan is marked for who has it, will have it or asked for it; an ended one can be chosen again', () => {
  const standing = { plan: { id: 'starter' }, next_plan: null, request: null, is_lapsed: false }
  expect(planStateOf('starter', standing)).toBe('current')
  expect(planStateOf('starter', { ...standing, is_lapsed: true })).toBe('open')
  expect(planStateOf('pro', { ...standing, next_plan: { id: 'pro' } })).toBe('next')
  expect(planStateOf('pro', { ...standing, request: { plan_id: 'pro', status: 'open' } })).toBe('requested')
  expect(planStateOf('pro', { ...standing, request: { plan_id: 'pro', status: 'refused' } })).toBe('open')
  expect(planStateOf('pro', undefined)).toBe('open')
})
