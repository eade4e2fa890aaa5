import { describe, expect, test } from 'vitest'
import { splitByAge, toSpan } from './agent-log-span.ts'

const now = Date.parse('2026-11-22T12:00:00.000Z')
const timesOf = (spans: ReturnType<typeof splitByAge>) =>
  spans.map(({ after, before }) => [after.timestamp.toISOString(), before.timestamp.toISOString()])

describe('the newest part of a span', () => {
  test('is this month and the one before, and what is later; the rest follows without a gap', () => {
    expect(timesOf(splitByAge(toSpan({}), now))).toEqual([
      ['2026-10-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
      ['0001-01-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'],
    ])
    const [first, second] = splitByAge(toSpan({}), now)
    expect(second?.before).toEqual(first?.after)
  })

  test('of a page further back is counted from there, over the turn of a year', () => {
    const [first] = timesOf(splitByAge(toSpan({ to: new Date('2026-01-09T00:00:00.000Z') }), now))
    expect(first).toEqual(['2025-12-01T00:00:00.000Z', '2026-01-09T00:00:00.000Z'])
  })

  test('is all of a span that is no longer', () => {
    const span = toSpan({ from: new Date('2026-10-05T00:00:00.000Z') })
    expect(splitByAge(span, now)).toEqual([span])
  })
})
