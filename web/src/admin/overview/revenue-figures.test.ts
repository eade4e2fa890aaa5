import { expect, test } from 'vitest'
import { churnWords, currenciesOf, moneyWords, mrrMove, type RevenueMonth, toMonthPoints } from './revenue-figures.ts'

const money = (currency: string, mrr: string, income = mrr) => ({
  currency,
  mrr,
  mrr_new: '0.00',
  mrr_expansion: '0.00',
  mrr_contraction: '0.00',
  mrr_churned: '0.00',
  income,
})
const month = (name: string, currencies: RevenueMonth['currencies']): RevenueMonth => ({
  month: name,
  paying: 3,
  new: 2,
  churned: 1,
  churn_rate: 0.125,
  trialing: 1,
  given: 0,
  currencies,
  runs: 10,
  unpriced_runs: 0,
  model_cost_usd: 1.5,
})
const october = month('2026-10-01', [money('USD', '49.00')])
const november = month('2026-11-01', [money('EUR', '98.00'), money('USD', '198.00', '120.40')])

test('currencies stand beside each other and are never added up', () => {
  expect(currenciesOf({ months: [october, november] })).toEqual(['USD', 'EUR'])
  expect(moneyWords(november, 'mrr')).toBe('€98 and $198')
  expect(moneyWords(november, 'income')).toBe('€98 and $120.40')
  expect(moneyWords(month('2026-11-01', []), 'mrr')).toBe('$0')
})

test('MRR is told with how it moved', () => {
  expect(mrrMove([october, november], 'USD')).toBe('+$149 since the end of October')
  expect(mrrMove([november, october], 'USD')).toBe('−$149 since the end of November')
  expect(mrrMove([october, october], 'USD')).toBe('as at the end of October')
  expect(mrrMove([october], 'USD')).toBe('the first month')
})

test('who left goes below the line', () => {
  expect(toMonthPoints([october, november], 'USD')).toMatchObject([
    { new: 2, churned: -1, income: 49, cost: 1.5 },
    { income: 120.4 },
  ])
  expect(churnWords(november)).toBe('12.5 %')
  expect(churnWords({ ...november, churn_rate: null })).toBe('–')
})
