import { expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { exampleCapabilities } from '../testing/agent-fixtures.ts'
import { parseCapabilities } from './parse-capabilities.ts'

function faultsOf(value: unknown) {
  try {
    parseCapabilities(value)
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_capabilities') return error.faults
    throw error
  }
  return []
}

const withField = (field: object) => ({
  ...exampleCapabilities(),
  settings: { type: 'object', properties: { business_name: { type: 'string', title: 'Name' }, extra: field } },
})
const pathsOf = (value: unknown) => faultsOf(value)?.map((fault) => fault.path)

test('a whole agent is read, with defaults', () => {
  expect(faultsOf(exampleCapabilities())).toEqual([])
  expect(parseCapabilities(exampleCapabilities()).integrations).toEqual([])
})

test.each<[string, object, string[]]>([
  ['text without a title', { type: 'string' }, ['/capabilities/settings/properties/extra/title']],
  [
    'a list whose entries have no title',
    { type: 'array', title: 'List', items: { type: 'string' } },
    ['/capabilities/settings/properties/extra/items/title'],
  ],
  [
    'a group with a field that has none',
    { type: 'array', title: 'List', items: { type: 'object', properties: { a: { type: 'string' } } } },
    ['/capabilities/settings/properties/extra/items/properties/a/title'],
  ],
])('%s is named with its place', (_name, field, paths) => {
  expect(pathsOf({ ...withField(field), tools: [], knowledge: [] })).toEqual(paths)
})

test('parts that do not fit together are named', () => {
  expect(pathsOf({ ...exampleCapabilities(), instructions: 'Hi {{settings.nobody}}' })).toEqual([
    '/capabilities/instructions',
  ])
})

test('what a schema must not have is refused', () => {
  const [fault] = faultsOf({ ...exampleCapabilities(), webhook: 'x' }) ?? []
  expect(fault).toEqual({ path: '/capabilities', message: 'Unrecognized key: "webhook"' })
  expect(
    pathsOf({ ...withField({ type: 'string', title: 'x', pattern: '(a+)+$' }), tools: [], knowledge: [] }),
  ).toEqual(['/capabilities/settings/properties/extra'])
})

test('characters that PostgreSQL cannot keep are named with their place', () => {
  expect(faultsOf({ ...exampleCapabilities(), starters: ['a\u0000'] })).toEqual([
    { path: '/capabilities/starters/0', message: 'Has a character that cannot be stored.' },
  ])
  expect(pathsOf({ ...exampleCapabilities(), example_settings: { business_name: '\ud800' } })).toEqual([
    '/capabilities/example_settings/business_name',
  ])
})

test('a value nested 100,000 deep, one of 400 kB and one with 30,000 parts are refused, and quickly', () => {
  let deep: unknown = 1
  for (let level = 0; level < 100_000; level += 1) deep = [deep]
  const started = performance.now()
  expect(faultsOf({ ...exampleCapabilities(), example_settings: { business_name: deep } })).toHaveLength(1)
  expect(pathsOf({ ...exampleCapabilities(), example_settings: { business_name: 'x'.repeat(400_000) } })).toEqual([
    '/capabilities',
  ])
  expect(pathsOf({ ...exampleCapabilities(), starters: Array(30_000).fill('x') })).toEqual(['/capabilities'])
  expect(performance.now() - started).toBeLessThan(2000)
})
