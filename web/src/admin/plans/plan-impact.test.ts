import { expect, test } from 'vitest'
import { impactWords } from './plan-impact.ts'

const none = { subscribers: 0, on_default: 0, over_limit: {}, takes_effect: 'next_payment', sentence: '' } as const

test('an impact tells who is concerned and when, and nothing of nobody', () => {
  expect(impactWords(none)).toEqual(['Prices change for who subscribes from now on; everybody else keeps theirs.'])
  expect(
    impactWords({
      ...none,
      subscribers: 12,
      on_default: 1,
      over_limit: { user_agents: 3, api: 1, models: 2, api_keys: 0 },
      takes_effect: 'now',
    }),
  ).toEqual([
    '12 subscribers have this plan',
    '1 user without a subscription has it',
    '3 users are over the new limit of “Agents”',
    'API keys of 1 user stop working',
    '2 users have agents on models that are no longer in it',
    'What it includes changes at once.',
  ])
})
