import { expect, test } from 'vitest'
import { faultsBelow, fieldIdsOf, toErrorSchema } from './settings-faults.ts'
import { settingsValidator, withoutEmpty } from './settings-validator.ts'

test('Faults by JSON pointer become the nested errors of the form.', () => {
  const errors = toErrorSchema([
    { path: '/faq/0/answer', message: 'Please fill this in.' },
    { path: '/faq', message: 'Too few.' },
    { path: '/faq/0/answer', message: 'Twice.' },
  ])
  expect(JSON.parse(JSON.stringify(errors))).toEqual({
    faq: { __errors: ['Too few.'], 0: { answer: { __errors: ['Please fill this in.', 'Twice.'] } } },
  })
})

test('A path from outside cannot reach the prototype of all objects.', () => {
  toErrorSchema([{ path: '/__proto__/polluted', message: 'x' }])
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})

test('A fault is shown at its field, or else at the nearest thing around it.', () => {
  expect(fieldIdsOf('/faq/0/answer')).toEqual(['settings_faq_0_answer', 'settings_faq_0', 'settings_faq'])
})

test('Only faults below a prefix are taken, and not those of a name that begins alike.', () => {
  const faults = [
    { path: '/settings/tone', message: 'a' },
    { path: '/settings_more', message: 'b' },
    { path: '/name', message: 'c' },
  ]
  expect(faultsBelow('/settings', faults)).toEqual([{ path: '/tone', message: 'a' }])
})

test('The validator of the form says what the server would say.', () => {
  const schema = {
    type: 'object' as const,
    properties: { shop: { type: 'string' as const, title: 'Shop' } },
    required: ['shop'],
  }
  const { errors } = settingsValidator.validateFormData({ shop: undefined }, schema)
  expect(errors).toMatchObject([{ property: '.shop', message: 'Please fill this in.' }])
  expect(settingsValidator.validateFormData({ shop: 'Lamp & Co' }, schema).errors).toEqual([])
  expect(settingsValidator.isValid(schema, { shop: 1 as never }, schema)).toBe(false)
})

test('Fields that were emptied are not sent.', () => {
  expect(withoutEmpty({ a: undefined, b: [{ c: undefined }] })).toEqual({ b: [{}] })
})
