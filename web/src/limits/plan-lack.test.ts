import { expect, test } from 'vitest'
import type { Limit } from './limit-queries.ts'
import { findLack } from './plan-lack.ts'

const limit = (name: string, limit: number | null, used: number): Limit => ({
  name,
  limit,
  used,
  percent: null,
  resets_at: null,
})

test('an agent more than the plan has is named before its form is filled in', () => {
  const of = (most: number | null, used: number) =>
    findLack({ limits: [limit('user_agents', most, used)], switches: { api: true } }, 'user_agent')
  expect(of(2, 2)).toMatchObject({ title: 'Your plan includes 2 agents, and that many are on', canMakeRoom: true })
  expect(of(0, 0)).toMatchObject({ title: 'Your plan includes no agents', canMakeRoom: false })
  expect(of(2, 1)).toBeNull()
  expect(of(null, 40)).toBeNull()
})

test('a key is not offered without the API in the plan', () => {
  const of = (api: boolean, keys: number | null) =>
    findLack({ limits: [limit('api_keys', keys, 0)], switches: { api } }, 'api_key')
  expect(of(false, 0)?.title).toBe('Your plan does not include the API')
  expect(of(true, 0)).not.toBeNull()
  expect(of(true, null)).toBeNull()
  expect(of(true, 10)).toBeNull()
})
