import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exampleCapabilities } from '../testing/agent-fixtures.ts'
import { capabilitiesSchema } from './capabilities.ts'
import { isSameCapabilities, readCapabilities, readStoredType, toStoredCapabilities } from './stored-capabilities.ts'

/** What jsonb does to a value: keys sorted by length, then by bytes. */
function asJsonb(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asJsonb)
  if (typeof value !== 'object' || value === null) return value
  const sorted = Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([key, child]) => [key, asJsonb(child)]))
}

const capabilities = capabilitiesSchema.parse(exampleCapabilities())

test('the fields of a form come back in the order they were written, at both levels', () => {
  const stored = asJsonb(toStoredCapabilities(capabilities, 'sales'))
  const read = readCapabilities(stored)
  expect(read).toEqual(capabilities)
  expect(JSON.stringify(read.settings)).toBe(JSON.stringify(capabilities.settings))
  expect(readStoredType(stored)).toBe('sales')
})

test('any order of any fields comes back', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/)
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1 }), (names) => {
      const properties = Object.fromEntries(names.map((field) => [field, { type: 'string', title: field }]))
      const form = capabilitiesSchema.parse({ instructions: 'x', settings: { type: 'object', properties } })
      const read = readCapabilities(asJsonb(toStoredCapabilities(form, 'other')))
      expect(Object.keys(read.settings.properties)).toEqual(names)
    }),
  )
})

test('what jsonb gives back is the same agent, one with two fields swapped is another', () => {
  const stored = asJsonb(toStoredCapabilities(capabilities, 'sales'))
  expect(isSameCapabilities(stored, toStoredCapabilities(capabilities, 'sales'))).toBe(true)
  const { business_name, faq, tone } = capabilities.settings.properties
  const swapped = { ...capabilities, settings: { ...capabilities.settings, properties: { faq, business_name, tone } } }
  expect(isSameCapabilities(stored, toStoredCapabilities(capabilitiesSchema.parse(swapped), 'sales'))).toBe(false)
  expect(isSameCapabilities(stored, toStoredCapabilities(capabilities, 'email'))).toBe(false)
})

test('a row without an order, of which a field was added later, is read too', () => {
  const read = readCapabilities({ instructions: 'x', settings: { type: 'object', properties: {} } })
  expect(read.starters).toEqual([])
})
