import { describe, expect, test } from 'vitest'
import { newPlanSchema } from '../../../../server/src/plans/plan-schemas.ts'
import { mergePlan } from './merge-plan.ts'
import { changedParts, findFaults, freshDraft, type PlanDraft, toBody, toDraft, toPreview } from './plan-draft.ts'

const draft: PlanDraft = { ...freshDraft, name: 'Studio', description: 'For studios.', price: '79' }

describe('a draft', () => {
  test('without faults is what the server takes, and comes back as it was typed', () => {
    const typed = { ...draft, yearly_price: '790,50', limits: { ...draft.limits, cost_usd_per_month: '12.50' } }
    expect(findFaults(typed)).toEqual([])
    const plan = newPlanSchema.parse(toBody(typed))
    expect(plan).toMatchObject({
      price: '79.00',
      yearly_price: '790.50',
      features: { limits: { cost_usd_per_month: 12.5 } },
    })
    expect(toDraft(plan)).toEqual({
      ...typed,
      yearly_price: '790.50',
      limits: { ...typed.limits, cost_usd_per_month: '12.5' },
    })
  })

  test('tells what is wrong by the place at which the server would', () => {
    const wrong = {
      ...draft,
      name: ' ',
      price: 'much',
      trial_days: '1.5',
      limits: { ...draft.limits, runs_per_month: '-1', user_agents: '' },
      highlights: 'x'.repeat(121),
    }
    const places = ['/name', '/price', '/trial_days', '/features/limits/user_agents', '/features/limits/runs_per_month']
    expect(findFaults(wrong).map(({ path }) => path)).toEqual([...places, '/features/highlights'])
    const refused = newPlanSchema.safeParse(toBody(wrong))
    const pathsOfServer = refused.error?.issues.map(({ path }) => `/${path.join('/')}`) ?? []
    expect(pathsOfServer).toEqual(expect.arrayContaining(['/name', '/price', '/features/limits/runs_per_month']))
  })

  test('needs no price where that is talked about', () => {
    expect(findFaults({ ...draft, price: '', is_by_arrangement: true })).toEqual([])
    expect(toBody({ ...draft, price: '', is_by_arrangement: true }).price).toBe('0')
  })

  test('sends only what changed', () => {
    expect(changedParts(draft, { ...draft })).toEqual({})
    expect(changedParts(draft, { ...draft, price: '79.50', is_public: false })).toEqual({
      price: '79.50',
      is_public: false,
    })
  })

  test('can be looked at while it is typed', () => {
    const preview = toPreview({ ...draft, price: '7.', limits: { ...draft.limits, runs_per_month: 'many' } })
    expect(preview).toMatchObject({ price: '0', features: { limits: { runs_per_month: 0, tokens_per_month: null } } })
  })
})

describe('a plan that somebody else changed meanwhile', () => {
  test('keeps what was typed and follows them in the rest', () => {
    const mine = { ...draft, price: '89', limits: { ...draft.limits, user_agents: '3' } }
    const theirs = {
      ...draft,
      price: '99',
      description: 'For all studios.',
      limits: { ...draft.limits, runs_per_month: null },
      switches: { ...draft.switches, api: false },
    }
    const { merged, changes } = mergePlan(draft, mine, theirs)
    expect(merged).toEqual({ ...theirs, price: '89', limits: { ...theirs.limits, user_agents: '3' } })
    expect(changes).toEqual([
      { label: 'Description', from: 'For studios.', to: 'For all studios.', mine: null },
      { label: 'Price a month', from: '79', to: '99', mine: '89' },
      { label: 'Runs a month', from: '5000', to: 'no limit', mine: null },
      { label: 'API', from: 'yes', to: 'no', mine: null },
    ])
    expect(changedParts(theirs, merged)).toMatchObject({ price: '89' })
  })

  test('is nothing to tell where both typed the same', () => {
    expect(mergePlan(draft, { ...draft, price: '99' }, { ...draft, price: '99' }).changes).toEqual([])
  })
})
