import { expect, test } from 'vitest'
import { type AgentDraft, changeField, emptyAgentDraft, isSameAt, toCapabilities } from './agent-draft.ts'
import { newField } from './field-drafts.ts'

const draft: AgentDraft = {
  ...emptyAgentDraft,
  instructions: 'Greet the guests of {{settings.shop}}.',
  fields: [{ ...newField('a'), name: 'shop', title: 'Shop' }],
  knowledgeKeys: ['a'],
  example: { shop: 'Lamp & Co', gone: 'x' },
}

test('A field that gets another title takes its placeholders, its example and its knowledge along.', () => {
  const renamed = changeField(draft, 'a', { title: 'Store name' })
  expect(renamed.instructions).toBe('Greet the guests of {{settings.store_name}}.')
  expect(toCapabilities(renamed)).toMatchObject({
    settings: { properties: { store_name: { type: 'string', title: 'Store name' } } },
    example_settings: { store_name: 'Lamp & Co' },
    knowledge: ['store_name'],
  })
})

test('A field that was saved keeps its name, because answers hang on it.', () => {
  const saved = { ...draft, fields: draft.fields.map((field) => ({ ...field, isSaved: true })) }
  expect(changeField(saved, 'a', { title: 'Store name' }).fields[0]).toMatchObject({
    name: 'shop',
    title: 'Store name',
  })
})

test('A field of another kind loses its example, which would be of the wrong type.', () => {
  expect(changeField(draft, 'a', { kind: 'number' }).example).not.toHaveProperty('shop')
  expect(changeField(draft, 'a', { help: 'As on the door.' }).example).toHaveProperty('shop')
})

test('Answers to fields that were taken out are not sent.', () => {
  expect(toCapabilities(draft).example_settings).toEqual({ shop: 'Lamp & Co' })
})

test('A fault stays until something changes at its own place.', () => {
  const named = { ...draft, name: 'Tours' }
  expect(isSameAt('/name', draft, named)).toBe(false)
  expect(isSameAt('/instructions', draft, named)).toBe(true)
  expect(isSameAt('/settings/properties/shop', draft, changeField(draft, 'a', { help: 'x' }))).toBe(false)
  const example = { ...draft, example: { shop: 'Other' } }
  expect(isSameAt('/example_settings/shop', draft, example)).toBe(false)
  expect(isSameAt('/example_settings/tone', draft, example)).toBe(true)
})
