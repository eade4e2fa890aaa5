import { expect, test } from 'vitest'
import { planFeaturesSchema, readPlanFeatures } from './plan-features.ts'
import { unlimitedFeatures } from './plan-testing.ts'

test.each([{}, null, [], { limits: null, switches: 3 }, { limits: { user_agents: 'two' }, models: 'some' }])(
  'what came past the API and is left out limits nothing: %j',
  (stored) => {
    expect(readPlanFeatures(stored)).toEqual({ ...unlimitedFeatures, support: 'community' })
  },
)

test('what is there of it counts, also where other parts are missing', () => {
  const stored = { limits: { user_agents: 3, runs_per_month: -1 }, switches: { api: false }, models: 'built_in' }
  const read = readPlanFeatures(stored)
  expect(read).toMatchObject({ limits: { user_agents: 3, runs_per_month: null }, models: 'built_in' })
  expect(read.switches).toMatchObject({ api: false, widget: true })
  expect(planFeaturesSchema.parse(read)).toEqual(read)
})
