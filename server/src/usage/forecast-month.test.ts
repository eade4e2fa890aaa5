import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forecastMonth, type UsageOfDay } from './forecast-month.ts'

const dayMs = 86_400_000
const noLimit = { runsLimit: null, runsUsed: 0 }
const lastDays = (now: string, runs: readonly number[]): UsageOfDay[] =>
  runs.map((count, n) => ({
    date: new Date(Date.parse(now) - (runs.length - n) * dayMs).toISOString().slice(0, 10),
    runs: count,
    cost_usd: count / 100,
  }))
const forecast = (now: string, days: UsageOfDay[], limit: { runsLimit: number | null; runsUsed: number } = noLimit) =>
  forecastMonth({ now: new Date(now), days, ...limit })

test('without any run nothing is foreseen', () => {
  expect(forecast('2026-11-22T12:00:00Z', [], { runsLimit: 100, runsUsed: 0 })).toEqual({
    month: '2026-11-01',
    days_left: 9,
    runs: 0,
    runs_at_month_end: 0,
    cost_usd: 0,
    cost_usd_at_month_end: 0,
    limit_reached_on: null,
  })
})

describe('before there are seven full days', () => {
  test('the pace is what was used since the first run', () => {
    const days = [
      { date: '2026-11-20', runs: 10, cost_usd: 1 },
      { date: '2026-11-22', runs: 15, cost_usd: 1.5 },
    ]
    // Two and a half days with 10 a day; 8.5 days to go.
    expect(forecast('2026-11-22T12:00:00Z', days)).toMatchObject({
      runs: 25,
      runs_at_month_end: 110,
      cost_usd: 2.5,
      cost_usd_at_month_end: 11,
    })
  })

  test('the first minutes of the first day are not taken for a day', () => {
    const days = [{ date: '2026-11-01', runs: 3, cost_usd: 0 }]
    expect(forecast('2026-11-01T00:05:00Z', days).runs_at_month_end).toBe(93)
  })

  test('what was used in the last month counts for the pace, not for this month', () => {
    const days = [{ date: '2026-10-31', runs: 20, cost_usd: 0 }]
    expect(forecast('2026-11-02T00:00:00Z', days)).toMatchObject({ runs: 0, runs_at_month_end: 290, days_left: 29 })
  })
})

describe('with a week to look at', () => {
  test('the pace is that of the last seven full days, on the first day of a month as well', () => {
    const now = '2026-12-01T00:00:00Z'
    const days = lastDays(now, [100, 7, 7, 7, 7, 7, 7, 7])
    expect(forecast(now, days)).toMatchObject({ month: '2026-12-01', runs: 0, days_left: 31, runs_at_month_end: 217 })
  })

  test('a week without runs foresees none', () => {
    const now = '2026-11-22T00:00:00Z'
    expect(forecast(now, lastDays(now, [50, 0, 0, 0, 0, 0, 0, 0])).runs_at_month_end).toBe(50)
  })

  test('the last minute of a month foresees hardly more than there is', () => {
    const now = '2026-01-31T23:59:00Z'
    const days = lastDays(now, [10, 10, 10, 10, 10, 10, 10, 10])
    expect(forecast(now, days)).toMatchObject({ days_left: 1, runs: 80, runs_at_month_end: 80 })
  })
})

test('with two weeks to look at, weekdays weigh as much as the last week', () => {
  // 2026-11-23 is a Monday; runs on Mondays alone, 14 each.
  const now = '2026-11-29T00:00:00Z'
  const days = ['2026-11-09', '2026-11-16', '2026-11-23'].map((date) => ({ date, runs: 14, cost_usd: 0 }))
  // Left: Sunday (2 + 0) / 2 and Monday (2 + 14) / 2.
  expect(forecast(now, days)).toMatchObject({ runs: 42, runs_at_month_end: 51 })
})

describe('the day on which the runs are used up', () => {
  const now = '2026-11-22T00:00:00Z'
  const days = lastDays(now, [10, 10, 10, 10, 10, 10, 10, 10])
  test.each([
    [{ runsLimit: 100, runsUsed: 80 }, '2026-11-23'],
    [{ runsLimit: 100, runsUsed: 100 }, '2026-11-22'],
    [{ runsLimit: 0, runsUsed: 0 }, '2026-11-22'],
    [{ runsLimit: 170, runsUsed: 80 }, '2026-11-30'],
    [{ runsLimit: 171, runsUsed: 80 }, null],
    [noLimit, null],
  ])('of %o is %s', (limit, expected) => {
    expect(forecast(now, days, limit).limit_reached_on).toBe(expected)
  })
})

test('whatever was used, the month comes to no less than there is, and the limit is reached within the month', () => {
  const moment = fc.date({ min: new Date('2024-01-01'), max: new Date('2028-12-31'), noInvalidDate: true })
  const counts = fc.array(fc.nat(500), { maxLength: 60 })
  fc.assert(
    fc.property(moment, counts, fc.nat(5000), fc.nat(5000), (now, runs, runsLimit, runsUsed) => {
      const result = forecastMonth({ now, days: lastDays(now.toISOString(), runs), runsLimit, runsUsed })
      expect(result.runs_at_month_end).toBeGreaterThanOrEqual(result.runs)
      expect(result.days_left).toBeGreaterThanOrEqual(1)
      if (result.limit_reached_on === null) {
        expect(runsUsed).toBeLessThan(runsLimit)
        return
      }
      expect(result.limit_reached_on.slice(0, 7)).toBe(result.month.slice(0, 7))
      expect(result.limit_reached_on >= now.toISOString().slice(0, 10)).toBe(true)
    }),
  )
})
