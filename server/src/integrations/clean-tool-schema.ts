import type { JSONSchema7 } from '@ai-sdk/provider'
import { cleanToolText } from './clean-tool-text.ts'

const maxDepth = 12
const maxDescriptionChars = 500

// Where other keywords hold schemas: by name, in a list, alone. `dependentRequired` and the like hold data.
const schemasByName = ['properties', '$defs', 'definitions', 'dependentSchemas']
const schemaLists = ['allOf', 'anyOf', 'oneOf', 'prefixItems']
const singleSchemas = ['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames']
const texts = ['title', 'description', '$comment']
// A pattern of a stranger could stall this server for minutes. References may only stay inside the schema.
const dropped = [
  'pattern',
  'patternProperties',
  '$id',
  '$anchor',
  '$dynamicAnchor',
  '$dynamicRef',
  '$schema',
  'examples',
]

/**
 * The schema of a stranger's tool as it may be shown to a model and used to check inputs: no patterns, no references
 * to elsewhere, clean and short descriptions. Null when it is no schema of an object or larger than `maxBytes` even
 * without descriptions.
 */
export function cleanToolSchema(schema: unknown, maxBytes: number): JSONSchema7 | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return null
  if ('type' in schema && schema.type !== 'object') return null
  for (const keepsTexts of [true, false]) {
    const cleaned = { ...(cleanSchema(schema, keepsTexts, 0) as object), type: 'object' }
    if (Buffer.byteLength(JSON.stringify(cleaned)) <= maxBytes) return cleaned as JSONSchema7
  }
  return null
}

function cleanSchema(schema: unknown, keepsTexts: boolean, depth: number): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema === false ? false : {}
  if (depth > maxDepth) return {}
  const clean = (value: unknown) => cleanSchema(value, keepsTexts, depth + 1)
  const cleaned: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (dropped.includes(key) || key === '__proto__') continue
    if (key === '$ref') {
      if (typeof value === 'string' && value.startsWith('#')) cleaned.$ref = value
    } else if (texts.includes(key)) {
      if (keepsTexts && typeof value === 'string') cleaned[key] = cleanToolText(value, maxDescriptionChars)
    } else if (schemasByName.includes(key)) {
      cleaned[key] = Object.fromEntries(
        Object.entries(value ?? {})
          .filter(([name]) => name !== '__proto__')
          .map(([name, each]) => [name, clean(each)]),
      )
    } else if (schemaLists.includes(key)) {
      if (Array.isArray(value)) cleaned[key] = value.map(clean)
    } else if (singleSchemas.includes(key)) {
      cleaned[key] = Array.isArray(value) ? value.map(clean) : clean(value)
    } else cleaned[key] = cleanData(value)
  }
  return cleaned
}

/** Defaults, enumerations and keywords nobody knows are data, which may hold hidden words as well. */
function cleanData(value: unknown): unknown {
  if (typeof value === 'string') return cleanToolText(value, 1000)
  return value === undefined
    ? null
    : JSON.parse(JSON.stringify(value), (_key, each) => (typeof each === 'string' ? cleanToolText(each, 1000) : each))
}
