import { expect, test } from 'vitest'
import { parsePrice, priceWords } from './price-words.ts'

test('prices are read as people type them', () => {
  expect(parsePrice('0.25')).toBe(0.25)
  expect(parsePrice(' $2,5 ')).toBe(2.5)
  expect(parsePrice('0')).toBe(0)
  expect(parsePrice('10000')).toBe(10_000)
})

test('what is no price, negative, too large or too fine is none', () => {
  for (const typed of ['', '-1', 'free', '1e3', '10001', '0.1234567', '1.000,50']) expect(parsePrice(typed)).toBeNull()
})

test('no price is not the same as a price of nothing', () => {
  expect(priceWords(null)).toBe('not known')
  expect(priceWords({ input_usd: 0, output_usd: 0 })).toBe('nothing')
  expect(priceWords({ input_usd: 0.25, output_usd: 2 })).toBe('$0.25 read, $2.00 written')
})
