import { asObject, isObject, type JsonObject } from './json-object.ts'

const maxHops = 20

/** Follows references inside the document; what refers elsewhere, nowhere or to itself is an empty object. */
export function resolveReference(document: JsonObject, value: unknown): JsonObject {
  let current = value
  for (let hops = 0; isObject(current) && typeof current.$ref === 'string'; hops++) {
    if (hops === maxHops) return {}
    current = lookUp(document, current.$ref)
  }
  return asObject(current)
}

function lookUp(document: JsonObject, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined
  let current: unknown = document
  for (const part of reference.slice(2).split('/')) {
    const key = decode(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as JsonObject)[key]
  }
  return current
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/**
 * A schema with its references replaced by what they refer to, for models that do not follow them. Circles end in a
 * schema that takes anything, and so does what would grow over `budget` objects.
 */
export function inlineSchema(document: JsonObject, schema: unknown, budget = 400): unknown {
  let left = budget
  const inline = (value: unknown, ancestors: string[]): unknown => {
    if (Array.isArray(value)) return value.map((each) => inline(each, ancestors))
    if (!isObject(value)) return value
    if (left-- <= 0 || ancestors.length > maxHops) return {}
    if (typeof value.$ref !== 'string') {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inline(each, ancestors)]))
    }
    if (ancestors.includes(value.$ref)) return {}
    const { $ref, ...beside } = value
    const target = inline(asObject(lookUp(document, $ref)), [...ancestors, $ref])
    return { ...asObject(target), ...asObject(inline(beside, ancestors)) }
  }
  return inline(schema, [])
}
