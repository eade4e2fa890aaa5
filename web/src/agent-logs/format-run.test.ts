import { describe, expect, test } from 'vitest'
import { firstLine, formatCost, formatDuration, formatValue, toolTitle } from './format-run.ts'

describe('numbers of a run', () => {
  test('durations are written in the unit a person would use', () => {
    expect(formatDuration(0)).toBe('0 ms')
    expect(formatDuration(999.4)).toBe('999 ms')
    expect(formatDuration(2449)).toBe('2.4 s')
    expect(formatDuration(12_600)).toBe('13 s')
    expect(formatDuration(65_000)).toBe('1 min 5 s')
    expect(formatDuration(119_900)).toBe('2 min 0 s')
  })

  test('a cost below a cent does not become zero', () => {
    expect(formatCost('0.000123')).toBe('$0.00012')
    expect(formatCost('0')).toBe('$0')
    expect(formatCost('1234.5')).toBe('$1,234.50')
  })
})

describe('tools of a run', () => {
  test('a known tool is told in words and an unknown one by its name', () => {
    expect(toolTitle('calculator')).toBe('Calculated')
    expect(toolTitle('create_ticket')).toBe('Used “create ticket”')
  })

  test('text stays text and everything else becomes readable JSON', () => {
    expect(formatValue('a\nb')).toBe('a\nb')
    expect(formatValue({ a: 1 })).toBe('{\n  "a": 1\n}')
    expect(formatValue(undefined)).toBe('')
  })
})

test('a line of a list has the words of a text without its Markdown', () => {
  expect(firstLine('## Returns\n\n- **Yes**, see [here](https://example.com) `now` [1]')).toBe(
    'Returns Yes, see here now [1]',
  )
  expect(firstLine('2 * 3 * 4 = 24')).toBe('2 * 3 * 4 = 24')
})
