import { expect, test } from 'vitest'
import { describeForecast, type Forecast, toForecastPoints } from './forecast-points.ts'

const forecast: Forecast = {
  month: '2026-11-01',
  days_left: 9,
  runs: 220,
  runs_at_month_end: 300,
  cost_usd: 2.2,
  cost_usd_at_month_end: 3,
  limit_reached_on: null,
}
const row = (day: string, runs: number) => ({
  start: `2026-11-${day}T00:00:00.000Z`,
  runs,
  failed: 1,
  interrupted: 1,
  cost_usd: 0.1,
})

test('the month is added up to today, and goes on to its end from there', () => {
  const points = toForecastPoints(forecast, [row('01', 102), row('03', 52)], 'runs')
  expect(points).toHaveLength(30)
  expect(points[0]).toEqual({ label: '1', so_far: 100, expected: null })
  expect(points[1]?.so_far).toBe(100)
  expect(points[2]?.so_far).toBe(150)
  expect(points[21]).toEqual({ label: '22', so_far: 220, expected: 220 })
  expect(points[25]).toEqual({ label: '26', so_far: null, expected: 260 })
  expect(points[29]).toEqual({ label: '30', so_far: null, expected: 300 })
})

test('the last day of a month has nothing more to come', () => {
  const points = toForecastPoints({ ...forecast, days_left: 1, runs_at_month_end: 220 }, [], 'runs')
  expect(points.at(-1)).toEqual({ label: '30', so_far: 220, expected: 220 })
})

test('rows of another month do not count, and money is added up like runs', () => {
  const other = { ...row('01', 50), start: '2026-10-31T00:00:00.000Z' }
  const points = toForecastPoints(forecast, [other, row('01', 5)], 'cost_usd')
  expect(points[0]?.so_far).toBeCloseTo(0.1)
  expect(points.at(-1)?.expected).toBeCloseTo(3)
})

test('it is said whether the plan lasts', () => {
  expect(describeForecast(forecast, 5000)).toMatchObject({ isShort: false })
  expect(describeForecast(forecast, 5000).sentence).toMatch(/about 300 runs for \$3\.00 of model cost\..*enough/)
  const short = describeForecast({ ...forecast, limit_reached_on: '2026-11-28' }, 250)
  expect(short.isShort).toBe(true)
  expect(short.sentence).toMatch(/Your plan has 250: they last until .*28/)
  expect(describeForecast(forecast, 220).sentence).toBe('All 220 runs of your plan are used.')
  expect(describeForecast({ ...forecast, runs: 0 }, 250).sentence).toMatch(/^Nothing has run/)
})
