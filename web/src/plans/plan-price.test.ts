import { expect, test } from 'vitest'
import { formatCents, formatMoney } from './money.ts'
import { bestSaving, intervalOf, isFree, priceWords, yearlySaving } from './plan-price.ts'

const starter = { price: '49.00', yearly_price: '490.00', currency: 'USD', is_by_arrangement: false }
const free = { price: '0.00', yearly_price: null, currency: 'USD', is_by_arrangement: false }
const enterprise = { price: '0.00', yearly_price: null, currency: 'EUR', is_by_arrangement: true }

test('prices are said as people say them', () => {
  expect(priceWords(starter, 'month')).toBe('$49 a month')
  expect(priceWords(starter, 'year')).toBe('$490 a year')
  expect(priceWords(free, 'year')).toBe('Free')
  expect(priceWords(enterprise, 'month')).toBe('By arrangement')
  expect(isFree(enterprise)).toBe(false)
})

test('a plan without a yearly price is paid by the month', () => {
  expect(intervalOf({ ...starter, yearly_price: null }, 'year')).toBe('month')
  expect(priceWords({ ...starter, yearly_price: null }, 'year')).toBe('$49 a month')
})

test('a year says what it saves, and nothing where it does not', () => {
  expect(yearlySaving(starter)).toEqual({ amount: '$98', percent: 16 })
  expect(yearlySaving({ ...starter, yearly_price: '588.00' })).toBeNull()
  expect(yearlySaving({ ...starter, yearly_price: '700.00' })).toBeNull()
  expect(yearlySaving(free)).toBeNull()
  expect(bestSaving([free, starter, { ...starter, yearly_price: '294.00' }])).toBe(50)
  expect(bestSaving([])).toBe(0)
})

test('amounts keep their cents only where they have some, and currencies their own', () => {
  expect(formatMoney('1490.00', 'EUR')).toBe('€1,490')
  expect(formatMoney('49.50', 'USD')).toBe('$49.50')
  expect(formatCents(4950, 'USD')).toBe('$49.50')
  expect(formatCents(4900, 'JPY')).toBe('¥4,900')
  expect(formatCents(-1250, 'USD')).toBe('-$12.50')
})
