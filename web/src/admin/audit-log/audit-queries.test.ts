import { expect, test } from 'vitest'
import { toAuditQuery } from './audit-queries.ts'

test('days become moments, the last one included', () => {
  expect(toAuditQuery({ from: '2026-11-01', to: '2026-11-30' })).toMatchObject({
    from: '2026-11-01T00:00:00.000Z',
    to: '2026-12-01T00:00:00.000Z',
  })
})

test('what is no filter is left out instead of failing', () => {
  expect(toAuditQuery({ from: 'soon', to: '2026-13-45', actor_id: 'ada', action: 'user.praise' })).toEqual({})
  expect(toAuditQuery({ action: 'user.suspend' })).toEqual({ action: 'user.suspend' })
})
