import { expect, test } from 'vitest'
import type { PlanFeatures } from '../../../server/src/plans/plan-features.ts'
import { comparePlans, planFacts } from './plan-facts.ts'

const starter: PlanFeatures = {
  limits: {
    user_agents: 2,
    runs_per_month: 5000,
    tokens_per_month: null,
    cost_usd_per_month: 20,
    integrations: 1,
    api_keys: 0,
    concurrent_runs: 3,
    log_retention_days: 90,
    upload_kb: 2048,
  },
  switches: { api: false, widget: true, schedules: true, publishing: true, own_model_keys: false },
  integration_types: null,
  models: 'all',
  support: 'email',
  highlights: [],
}

test('a card says its limits in words', () => {
  expect(planFacts(starter)).toEqual([
    '2 agents',
    '5,000 runs a month',
    '1 connected account',
    'Logs kept for 90 days',
    'All language models of this site',
  ])
})

test('what the highlights say already is not said twice, and what they leave out is still said', () => {
  const facts = planFacts({ ...starter, highlights: ['2 agents of your own', 'A call with us'] })
  expect(facts.filter((fact) => fact.startsWith('2 agents'))).toEqual(['2 agents of your own'])
  expect(facts).toContain('5,000 runs a month')
  const said = planFacts({ ...starter, highlights: ['12 agents of your own', 'Conversations kept for 90 days'] })
  expect(said).toContain('2 agents')
  expect(said).not.toContain('Logs kept for 90 days')
  expect(facts.slice(0, 2)).toEqual(['2 agents of your own', 'A call with us'])
  const open = { ...starter.limits, user_agents: null, runs_per_month: null, log_retention_days: 365 }
  const highlights = ['As many agents and runs as you need', 'Conversations kept for a year']
  expect(planFacts({ ...starter, limits: open, highlights })).toEqual([
    ...highlights,
    '1 connected account',
    'All language models of this site',
  ])
})

test('plans are compared in the same rows, with no limit and nothing at all told apart', () => {
  const rows = comparePlans([
    { features: starter },
    { features: { ...starter, switches: { ...starter.switches, api: true } } },
  ])
  const row = (title: string) => rows.find((one) => one.title === title)?.values
  expect(row('Tokens a month')).toEqual(['No limit', 'No limit'])
  expect(row('API keys')).toEqual(['None', 'None'])
  expect(row('Model cost a month')?.[0]).toBe('$20.00')
  expect(row('Texts of an agent')?.[0]).toBe('2 MB')
  expect(row('API')).toEqual([false, true])
  expect(row('Schedules')).toBeUndefined()
})
