import { expect, test } from 'vitest'
import { createId, createIdWithTime, readIdTime } from './uuid-v7.ts'

test('an id is a UUID of version 7 and carries its time', () => {
  const { id, timestamp } = createIdWithTime()
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(readIdTime(id)).toEqual(timestamp)
  expect(Math.abs(timestamp.getTime() - Date.now())).toBeLessThan(60_000)
})

test('ids are all different and ascend, also within a millisecond', () => {
  const ids = Array.from({ length: 50_000 }, () => createId())
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.toSorted()).toEqual(ids)
})

test('ids ascend when the clock steps back', () => {
  const later = createIdWithTime(Date.now() + 5000)
  const earlier = createIdWithTime(Date.now() - 3_600_000)
  expect(earlier.id > later.id).toBe(true)
  expect(readIdTime(earlier.id)).toEqual(earlier.timestamp)
})
