import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let testApp: TestApp
let document: Document

interface Schema {
  type?: string | string[]
  description?: string
  example?: unknown
  examples?: unknown
  const?: unknown
  enum?: unknown[]
  default?: unknown
  $ref?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  additionalProperties?: Schema | boolean
}

interface Operation {
  summary?: string
  tags?: string[]
  parameters?: { name: string; description?: string; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses?: Record<string, { content?: Record<string, { schema: Schema }> }>
}

interface Document {
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

beforeAll(async () => {
  testApp = await createTestApp()
  document = (await testApp.app.inject({ url: '/openapi.json' })).json<Document>()
})
afterAll(() => testApp.close())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  )

function checkFields(schema: Schema, place: string, faults: string[]): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const at = `${place}.${name}`
    if (!field.$ref && !field.description) faults.push(`${at} has no description`)
    if (isScalar(field) && !hasExample(field)) faults.push(`${at} has no example`)
    checkFields(field, at, faults)
  }
  if (schema.items) checkFields(schema.items, `${place}[]`, faults)
  for (const variant of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) checkFields(variant, place, faults)
}

const isScalar = (schema: Schema) =>
  typeof schema.type === 'string' && ['string', 'number', 'integer', 'boolean'].includes(schema.type)
const hasExample = ({ example, examples, const: constant, enum: options, default: fallback, type }: Schema) =>
  example !== undefined ||
  examples !== undefined ||
  constant !== undefined ||
  options !== undefined ||
  fallback !== undefined ||
  type === 'boolean'

test('every operation has a summary and a tag', () => {
  expect(operations().length).toBeGreaterThan(40)
  expect(
    operations()
      .filter(({ operation }) => !operation.summary || !operation.tags?.length)
      .map(({ name }) => name),
  ).toEqual([])
})

test('every field of every request and answer has a description, and every value an example', () => {
  const faults: string[] = []
  for (const { name, operation } of operations()) {
    for (const parameter of operation.parameters ?? []) {
      if (!parameter.description && !parameter.schema.description)
        faults.push(`${name} ?${parameter.name} has no description`)
    }
    for (const { schema } of Object.values(operation.requestBody?.content ?? {}))
      checkFields(schema, `${name} body`, faults)
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      for (const { schema } of Object.values(response.content ?? {})) checkFields(schema, `${name} ${status}`, faults)
    }
  }
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) checkFields(schema, name, faults)
  expect([...new Set(faults)]).toEqual([])
})
