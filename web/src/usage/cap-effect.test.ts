import { expect, test } from 'vitest'
import { capEffect } from './cap-effect.ts'

const december = '2026-12-01T00:00:00.000Z'

test('a cap says what is left and what happens at it', () => {
  expect(capEffect(25, 12.4, december)).toMatch(/cost \$12\.40 so far\. \$12\.60 are left.*until .*1/)
})

test('a cap that is passed already says that nothing runs', () => {
  expect(capEffect(10, 12.4, december)).toMatch(/nothing more runs until/)
  expect(capEffect(0, 0, december)).toBe('With 0 nothing runs at all.')
})

test('without a cap the plan alone holds', () => {
  expect(capEffect(null, 0, december)).toMatch(/^This month has cost \$0 so far\. Without a cap/)
})
