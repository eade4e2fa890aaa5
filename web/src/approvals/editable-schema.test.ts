import { describe, expect, test } from 'vitest'
import { editableSchema, titleOf } from './editable-schema.ts'

const mail = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    to: { type: 'array', items: { type: 'string', format: 'email' } },
    subject: { type: 'string', maxLength: 200 },
    text: { type: 'string' },
    in_reply_to: { anyOf: [{ type: 'string' }, { type: 'null' }] },
  },
  required: ['to', 'subject', 'text'],
  additionalProperties: false,
}

describe('a form for the input of a tool', () => {
  test('names every field, and gives long texts room', () => {
    const form = editableSchema(mail, { to: ['anna@example.com'], subject: 'Hello', text: 'One\nTwo' })
    expect(form?.required).toEqual(['to', 'subject', 'text'])
    expect(form?.properties).toMatchObject({
      to: { type: 'array', title: 'To', items: { type: 'string', format: 'email', title: 'To' } },
      subject: { title: 'Subject' },
      text: { title: 'Text', format: 'textarea' },
      in_reply_to: { type: 'string', title: 'In reply to' },
    })
    expect(form?.properties.subject).not.toHaveProperty('format')
  })

  test.each([
    ['alternatives', { ...mail, oneOf: [{ required: ['to'] }] }, {}],
    ['references', { type: 'object', properties: { a: { $ref: '#/$defs/a' } } }, {}],
    ['free keys', { type: 'object', properties: {}, additionalProperties: { type: 'string' } }, {}],
    ['no fields', { type: 'object' }, {}],
    ['fields of several types', { type: 'object', properties: { a: { type: ['string', 'number'] } } }, {}],
    ['values that the schema does not name', { type: 'object', properties: {} }, { hidden: 'value' }],
    ['an input that is no object', mail, ['anna@example.com']],
  ])('is left to JSON for %s', (_name, schema, input) => {
    expect(editableSchema(schema, input)).toBeNull()
  })

  test('ends at nesting that nobody could read', () => {
    const nest = (depth: number): object =>
      depth === 0 ? { type: 'string' } : { type: 'object', properties: { inner: nest(depth - 1) } }
    expect(editableSchema(nest(2), {})).not.toBeNull()
    expect(editableSchema(nest(20), {})).toBeNull()
  })
})

test('A name of a program becomes words.', () => {
  expect(titleOf('in_reply_to')).toBe('In reply to')
  expect(titleOf('inReplyTo')).toBe('In reply to')
})
