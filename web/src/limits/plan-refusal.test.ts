import { expect, test } from 'vitest'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { describeRefusal, readPlanRefusal } from './plan-refusal.ts'

const upgrade = { plan_id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', name: 'Professional' }

test('a limit that is reached says how much, when it begins anew, and which plan lifts it', () => {
  const error = new ApiError({
    status: 429,
    code: 'plan_limit_reached',
    title: 'A limit of your plan is reached.',
    detail: '',
    more: { limit: 'runs_per_month', limit_value: 5000, used: 5000, resets_at: '2026-12-01T00:00:00.000Z', upgrade },
  })
  const refusal = readPlanRefusal(error)
  expect(refusal?.title).toBe('The 5,000 runs of your plan are used up for this month')
  expect(refusal?.detail).toMatch(/begins anew on .*1.*With Professional you go on/)
  expect(refusal?.wayOut).toEqual({ kind: 'plan', planId: upgrade.plan_id, label: 'See Professional' })
  expect(refusal?.canTryAgain).toBe(false)
})

test('a limit of things says what can be given up for it, and needs no date', () => {
  const refusal = describeRefusal('plan_limit_reached', {
    limit: 'user_agents',
    limit_value: 2,
    used: 2,
    resets_at: null,
    upgrade: null,
  })
  expect(refusal.title).toBe('Your plan includes 2 agents')
  expect(refusal.detail).toMatch(/^Switch one off/)
  expect(refusal.wayOut).toEqual({ kind: 'plans', label: 'See the plans' })
  expect(describeRefusal('plan_limit_reached', { limit: 'api_keys', limit_value: 0 }).title).toBe(
    'Your plan includes no API keys',
  )
})

test('the cap of a person leads to the cap, not to another plan', () => {
  const refusal = describeRefusal('cost_cap_reached', { limit: 'cost_cap', limit_value: '25.00' })
  expect(refusal.title).toContain('$25.00')
  expect(refusal.wayOut.kind).toBe('cost-cap')
})

test('what the plan lacks is called by its name, and a code alone has words too', () => {
  expect(describeRefusal('not_in_plan', { feature: 'api' }).title).toBe('Your plan does not include “API”')
  expect(describeRefusal('not_in_plan', { feature: 'models', upgrade })).toMatchObject({
    title: 'Your plan does not include language models',
    detail: expect.stringMatching(/^Professional does/),
  })
  expect(describeRefusal('not_in_plan', { feature: 'google_mail' }).title).toMatch(/type Google mail$/)
  expect(describeRefusal('not_in_plan').title).toBe('Your plan does not include this')
  expect(describeRefusal('plan_limit_reached').title).toBe('A limit of your plan is reached')
  expect(describeRefusal('subscription_lapsed').detail).toMatch(/Nothing is lost/)
})

test('any other error is none of its business', () => {
  const busy = new ApiError({ status: 429, code: 'rate_limited', title: 'Too many requests.', detail: 'Wait.' })
  expect(readPlanRefusal(busy)).toBeNull()
  expect(readPlanRefusal(new Error('plan_limit_reached'))).toBeNull()
})
