import { expect, test } from 'vitest'
import { capabilitiesSchema } from './capabilities.ts'
import { checkCapabilities } from './check-capabilities.ts'

const good = {
  instructions: 'You help customers of {{settings.name}}.',
  settings: {
    type: 'object',
    properties: {
      name: { type: 'string', title: 'Name', maxLength: 20 },
      open: { type: 'boolean', title: 'Open?' },
      faq: {
        type: 'array',
        title: 'FAQ',
        items: { type: 'object', properties: { question: { type: 'string', title: 'Question' } } },
      },
    },
    required: ['name'],
  },
  example_settings: { name: 'Beans' },
  tools: ['search_knowledge'],
  knowledge: ['faq'],
}

const faultsOf = (change: object) => checkCapabilities(capabilitiesSchema.parse({ ...good, ...change }))
const withProperty = (setting: object) => ({
  settings: { ...good.settings, properties: { ...good.settings.properties, extra: setting } },
})

test('an agent whose parts fit together has no faults', () => {
  expect(faultsOf({})).toEqual([])
})

test('a placeholder without a setting is a fault', () => {
  expect(faultsOf({ instructions: 'Hi {{settings.nam}}, {{settings.name}}' })).toEqual([
    { path: '/instructions', message: 'There is no setting "nam" for the placeholder {{settings.nam}}.' },
  ])
})

test.each(['{{name}}', '{{settings.Name}}', '{{settings.name}', '{{'])('the half placeholder %s is a fault', (text) => {
  expect(faultsOf({ instructions: `Hi ${text}` }).map((fault) => fault.path)).toEqual(['/instructions'])
})

test('knowledge must name settings that hold text, each once', () => {
  expect(faultsOf({ knowledge: ['faq', 'texts', 'open', 'faq', 'constructor'] })).toEqual([
    { path: '/knowledge/1', message: 'There is no setting "texts".' },
    { path: '/knowledge/2', message: 'The setting "open" holds no text to search.' },
    { path: '/knowledge/3', message: '"faq" is listed twice.' },
    { path: '/knowledge/4', message: 'There is no setting "constructor".' },
  ])
})

test('knowledge that no tool can search is a fault', () => {
  expect(faultsOf({ tools: ['calculator'] })).toEqual([
    {
      path: '/tools',
      message: 'Add the tool search_knowledge, or the texts under "knowledge" are never read.',
    },
  ])
})

test('an example that the form would refuse is a fault, no example is not', () => {
  expect(faultsOf({ example_settings: { open: true } })).toEqual([
    { path: '/example_settings/name', message: 'Please fill this in.' },
  ])
  expect(faultsOf({ example_settings: { name: 'Beans', faq: [{ question: 3 }] } })).toEqual([
    { path: '/example_settings/faq/0/question', message: 'Must be text.' },
  ])
  expect(faultsOf({ example_settings: {} })).toEqual([])
})

test('a required field that is not in the form is a fault', () => {
  expect(faultsOf({ settings: { ...good.settings, required: ['name', 'address'] }, example_settings: {} })).toEqual([
    { path: '/settings/required/1', message: 'There is no field "address" to require.' },
  ])
})

test.each([
  [{ type: 'string', title: 'T', enum: ['a', 'b'], default: 'c' }, '/default'],
  [{ type: 'integer', title: 'T', minimum: 5, default: 3 }, '/default'],
  [{ type: 'string', title: 'T', minLength: 5, maxLength: 3 }, '/minLength'],
  [{ type: 'number', title: 'T', minimum: 2, maximum: 1 }, '/minimum'],
  [{ type: 'integer', title: 'T', enum: [1, '2'] }, '/enum/1'],
  [{ type: 'array', title: 'T', minItems: 2, maxItems: 1, items: { type: 'string', title: 'I' } }, '/minItems'],
  [{ type: 'array', title: 'T', items: { type: 'string', title: 'I' }, default: ['ok', 3] }, '/default/1'],
  [{ type: 'array', title: 'T', items: { type: 'string', title: 'I', enum: [1] } }, '/items/enum/0'],
  [{ type: 'array', title: 'T', items: { type: 'object', properties: {}, required: ['x'] } }, '/items/required/0'],
])('a form nobody could fill in is a fault: %j', (setting, path) => {
  expect(faultsOf(withProperty(setting)).map((fault) => fault.path)).toEqual([`/settings/properties/extra${path}`])
})
