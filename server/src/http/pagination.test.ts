import { expect, test } from 'vitest'
import { createIdWithTime } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { decodeCursor, encodeCursor, toPage } from './pagination.ts'

test('a cursor comes back as it was', () => {
  const place = createIdWithTime()
  expect(decodeCursor(encodeCursor(place))).toEqual(place)
})

test.each([
  '',
  'abc',
  'bnVsbA',
  Buffer.from('["x",1]').toString('base64url'),
  Buffer.from('[1e99,"a"]').toString('base64url'),
])('the cursor %j is a fault of the request', (text) => {
  expect(() => decodeCursor(text)).toThrow(AppError)
})

test('a page has a next one only when there is a row more than asked for', () => {
  const rows = [createIdWithTime(), createIdWithTime(), createIdWithTime()]
  const page = toPage(rows, 2, (row) => row)
  expect(page.data).toEqual(rows.slice(0, 2))
  expect(decodeCursor(page.next_cursor ?? '')).toEqual(rows[1])
  expect(toPage(rows, 3, (row) => row).next_cursor).toBeNull()
  expect(toPage([], 3, (row: (typeof rows)[number]) => row)).toEqual({ data: [], next_cursor: null })
})
