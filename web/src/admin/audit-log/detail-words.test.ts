import { expect, test } from 'vitest'
import { readDetail } from './detail-words.ts'

test('a change of one value is one line with an arrow', () => {
  expect(readDetail({ from: 'user', to: 'admin' })).toEqual([{ label: 'Changed', text: 'user → admin' }])
})

test('of many values only those that differ are told, each by its name', () => {
  const detail = {
    changes: {
      price: { from: '49.00', to: '59.00' },
      limits: { from: { runs: 1, keys: 2 }, to: { runs: null, keys: 2 } },
    },
    reason: 'dearer models',
  }
  expect(readDetail(detail)).toEqual([
    { label: 'Price', text: '49.00 → 59.00' },
    { label: 'Limits runs', text: '1 → nothing' },
    { label: 'Reason', text: 'dearer models' },
  ])
})

test('moments are written as the reader writes them, and known ids by their names', () => {
  const at = '2027-01-31T00:00:00.000Z'
  expect(readDetail({ plan_id: 'p-1', end_date: at }, new Map([['p-1', 'Starter']]))).toEqual([
    { label: 'Plan', text: 'Starter' },
    { label: 'End date', text: new Date(at).toLocaleString() },
  ])
})

test('nothing, yes and lists are said as words', () => {
  expect(readDetail({ end_date: null, is_public: false, ids: ['a', 'b'], none: [] }).map(({ text }) => text)).toEqual([
    'nothing',
    'no',
    'a, b',
    'none',
  ])
})
