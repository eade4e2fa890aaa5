import { expect, test } from 'vitest'
import { beginEditing, inputToSend } from './edited-input.ts'

test('Lists and groups that only the form put there are not sent, nor fields that were emptied.', () => {
  const original = { to: ['anna@example.com'], labels: [] }
  const edited = { to: ['anna@example.com'], labels: [], cc: [], options: { tags: [] }, subject: undefined }
  expect(inputToSend(edited, original)).toEqual(original)
})

test('A list that was emptied by hand is sent empty.', () => {
  expect(inputToSend({ to: [] }, { to: ['anna@example.com'] })).toEqual({ to: [] })
})

test('An input that is no object is sent as it is.', () => {
  expect(inputToSend(['a', undefined], null)).toEqual(['a', undefined])
})

test('What a form cannot show is edited as JSON.', () => {
  const input = { event: 'order.placed', data: { number: 7 } }
  const schema = { type: 'object', properties: { event: { type: 'string' }, data: { type: 'object' } } }
  expect(beginEditing(schema, input).json).toBe(JSON.stringify(input, null, 2))
  expect(
    beginEditing({ type: 'object', properties: { event: { type: 'string' } } }, { event: 'a' }).json,
  ).toBeUndefined()
})
