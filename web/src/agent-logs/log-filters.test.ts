import { describe, expect, test } from 'vitest'
import { hasFilters, readFilters, toQuery } from './log-filters.ts'

const id = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const now = new Date('2026-11-22T12:00:00.000Z')

describe('filters in the address of the page', () => {
  test('valid ones are read and invalid ones are left out', () => {
    expect(readFilters({ user_agent_id: id, status: 'failed', range: 'day', search: 'refund', page: 3 })).toEqual({
      user_agent_id: id,
      status: 'failed',
      range: 'day',
      search: 'refund',
    })
    expect(readFilters({ user_agent_id: 'x', status: 'odd', range: 'decade', from: '2026-11-22' })).toEqual({})
  })

  test('a search for a number is a search for its digits', () => {
    expect(readFilters({ search: 42 })).toEqual({ search: '42' })
  })

  test('days count only with the range of one’s own, and a day that does not exist is left out', () => {
    expect(readFilters({ range: 'custom', from: '2026-11-01', to: '2026-99-01' })).toEqual({
      range: 'custom',
      from: '2026-11-01',
    })
  })

  test('no filter means the whole list', () => {
    expect(hasFilters(readFilters({}))).toBe(false)
    expect(hasFilters(readFilters({ range: 'all' }))).toBe(false)
    expect(hasFilters(readFilters({ search: 'a' }))).toBe(true)
  })
})

describe('filters as the API takes them', () => {
  test('a range counts back from the given moment', () => {
    expect(toQuery({ range: 'week', status: 'failed' }, now)).toEqual({
      status: 'failed',
      from: '2026-11-15T12:00:00.000Z',
    })
  })

  test('days of one’s own include both the first and the last', () => {
    const query = toQuery({ range: 'custom', from: '2026-11-01', to: '2026-11-02' }, now)
    expect(new Date(query.from ?? '')).toEqual(new Date(2026, 10, 1))
    expect(new Date(query.to ?? '')).toEqual(new Date(2026, 10, 3))
  })
})
