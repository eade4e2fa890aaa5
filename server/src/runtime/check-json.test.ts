import { expect, test } from 'vitest'
import { checkForeignJson, checkJson } from './check-json.ts'

const broken = [{ path: '', message: expect.stringContaining('Cannot be checked') }]

test('a schema that leads in a circle or elsewhere is a fault of the call, not of the server', () => {
  expect(checkForeignJson({ $ref: '#' }, {})).toEqual(broken)
  expect(checkForeignJson({ $ref: '#/$defs/nowhere' }, {})).toEqual(broken)
})

test('references that multiply each other are ended after a second', () => {
  const $defs = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [
      `a${at}`,
      at === 39 ? { type: 'object' } : { allOf: [{ $ref: `#/$defs/a${at + 1}` }, { $ref: `#/$defs/a${at + 1}` }] },
    ]),
  )
  const startedAt = performance.now()
  expect(checkForeignJson({ $defs, $ref: '#/$defs/a0' }, {})).toEqual(broken)
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  // And the next one is checked as ever.
  expect(checkForeignJson({ type: 'object' }, {})).toEqual([])
})

test('finds the same faults as for schemas of our own', () => {
  const schema = { type: 'object', properties: { to: { type: 'string', maxLength: 3 } }, required: ['to'] }
  for (const value of [{}, { to: 'four' }, { to: 'abc' }, 1, null])
    expect(checkForeignJson(schema, value)).toEqual(checkJson(schema, value))
  expect(checkForeignJson(schema, { to: 'four' })).not.toEqual([])
})
