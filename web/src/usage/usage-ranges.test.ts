import { expect, test } from 'vitest'
import { toPoints, toUsageQuery } from './usage-ranges.ts'

test('a range is whole days up to now, or twelve months', () => {
  const now = new Date('2026-03-31T10:00:00.000Z')
  expect(toUsageQuery('week', now)).toMatchObject({
    from: '2026-03-25T10:00:00.000Z',
    to: now.toISOString(),
    by: 'day',
  })
  const year = toUsageQuery('year', now)
  expect(year.by).toBe('month')
  expect(year.from.slice(0, 7)).toBe('2025-04')
})

test('there is a point for each period, with the rows of all groups added up', () => {
  const row = { runs: 3, succeeded: 1, failed: 1, input_tokens: 10, output_tokens: 5, cost_usd: 0.5 }
  const data = [
    { ...row, start: '2026-03-02T00:00:00.000Z', group: 'a' },
    { ...row, start: '2026-03-02T00:00:00.000Z', group: 'b' },
  ]
  const periods = ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z']
  const points = toPoints({ periods, data: data as never }, 'week')
  expect(points.map(({ succeeded, failed, other }) => [succeeded, failed, other])).toEqual([
    [0, 0, 0],
    [2, 2, 2],
  ])
  expect(points[1]).toMatchObject({ input_tokens: 20, output_tokens: 10, cost_usd: 1 })
})
