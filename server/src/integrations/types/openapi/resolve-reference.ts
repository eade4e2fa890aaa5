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

/** How much may be inlined: a few references can stand for more than any memory holds. */
export interface InlineBudget {
  /** Values of all kinds, for the whole document. */
  left: number
}

/**
 * A schema with its references replaced by what they refer to, for models that do not follow them. Circles end in a
 * schema that takes anything, and so does what would go over the budget.
 */
export function inlineSchema(document: JsonObject, schema: unknown, budget: InlineBudget, maxValues: number): unknown {
  let left = Math.min(maxValues, budget.left)
  const inline = (value: unknown, ancestors: string[]): unknown => {
    if (left <= 0 || ancestors.length > maxHops) return {}
    left--
    budget.left--
    if (Array.isArray(value)) return value.map((each) => inline(each, ancestors))
    if (!isObject(value)) return value
    if (typeof value.$ref !== 'string') {
      // Half a list of allowed values would refuse the others, so a list is kept whole or not at all.
      const entries = Object.entries(value).filter(([, each]) => !Array.isArray(each) || each.length <= left)
      // Of alternatives that were cut several may fit, which `oneOf` would refuse.
      const named = entries.map(([key, each]) => [key === 'oneOf' ? 'anyOf' : key, each] as const)
      return Object.fromEntries(named.map(([key, each]) => [key, inline(each, ancestors)]))
    }
    if (ancestors.includes(value.$ref)) return {}
    const { $ref, ...beside } = value
    const target = inline(asObject(lookUp(document, $ref)), [...ancestors, $ref])
    return { ...asObject(target), ...asObject(inline(beside, ancestors)) }
  }
  return inline(schema, [])
}
