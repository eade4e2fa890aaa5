import { expect, test } from 'vitest'
import type { SettingsSchema } from '../agents/capabilities.ts'
import { withDefaults } from './with-defaults.ts'

const schema: SettingsSchema = {
  type: 'object',
  properties: {
    tone: { type: 'string', title: 'Tone', default: 'warm' },
    is_open: { type: 'boolean', title: 'Open?', default: false },
    name: { type: 'string', title: 'Name' },
    faq: {
      type: 'array',
      title: 'FAQ',
      default: [{ question: 'Open?' }],
      items: { type: 'object', properties: { kind: { type: 'string', title: 'Kind', default: 'general' } } },
    },
  },
  required: [],
}

test('what was left out gets its default, also in a group', () => {
  const faq = [{ question: 'Open?', kind: 'general' }]
  expect(withDefaults(schema, {})).toEqual({ tone: 'warm', is_open: false, faq })
})

test('what was given stays, also when it is false, empty or null', () => {
  const given = { tone: '', is_open: null, name: 'x', faq: [] }
  expect(withDefaults(schema, given)).toEqual(given)
})

test('what does not fit stays for validation to name', () => {
  const given = { tone: 1, is_open: true, faq: ['x', null, [1]], other: 1 }
  expect(withDefaults(schema, given)).toEqual(given)
  expect(withDefaults(schema, { ...given, faq: 'x' }).faq).toBe('x')
})

test('neither the schema nor the answers are changed', () => {
  const given = { faq: [{ question: 'a' }] }
  withDefaults(schema, given)
  expect(given).toEqual({ faq: [{ question: 'a' }] })
  expect(schema.properties.faq).toMatchObject({ default: [{ question: 'Open?' }] })
})
