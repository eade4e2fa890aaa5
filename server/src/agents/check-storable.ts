import type { Fault } from '../errors.ts'

const maxBytes = 500_000
/** Settings are at deepest list -> group -> field. */
const maxDepth = 5
/** Keeps the work and the answer to a hostile body small; the largest honest form has a few thousand. */
const maxValues = 20_000

/**
 * Faults that make a value impossible to keep as settings, whatever the form asks: not JSON, too large, too deep,
 * or text that PostgreSQL refuses (NUL: SQLSTATE 22P05) or cannot give back unchanged (lone surrogates).
 */
export function checkStorable(root: unknown): Fault[] {
  const faults: Fault[] = []
  // A stack of its own, because a body nested 100,000 deep would overflow the call stack.
  const open: { value: unknown; keys: string[] }[] = [{ value: root, keys: [] }]
  let visited = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, keys } = next
    visited += 1
    if (visited > maxValues) return [{ path: '', message: `There are too many values; at most ${maxValues} fit.` }]
    const message = faultOf(value, keys)
    if (message !== null) {
      faults.push({ path: formatPointer(keys), message })
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value)
      if (entries.length > maxValues) {
        return [{ path: formatPointer(keys), message: `There are too many values; at most ${maxValues} fit.` }]
      }
      for (const [key, child] of entries.reverse()) {
        if (isStorableText(key)) open.push({ value: child, keys: [...keys, key] })
        else faults.push({ path: formatPointer(keys), message: 'A field name has a character that cannot be stored.' })
      }
    }
    if (faults.length >= 100) return faults
  }
  if (faults.length === 0 && new TextEncoder().encode(JSON.stringify(root)).length > maxBytes) {
    return [{ path: '', message: 'All texts together are too long: at most 500 kB fit.' }]
  }
  return faults
}

function faultOf(value: unknown, keys: readonly string[]): string | null {
  switch (typeof value) {
    case 'string':
      return isStorableText(value) ? null : 'Has a character that cannot be stored.'
    case 'boolean':
      return null
    case 'number':
      return Number.isFinite(value) ? null : 'Must be a number that can be written down.'
    case 'object':
      return value !== null && keys.length >= maxDepth ? 'Is nested too deeply.' : null
    default:
      return 'Must be text, a number, yes or no, a list or a group of fields.'
  }
}

export function isStorableText(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed()
}

/** JSON pointer (RFC 6901) of a list of keys. */
export function formatPointer(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

export function parsePointer(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}
