import { formatPointer, isStorableText } from '../agents/check-storable.ts'
import { AppError, type Fault } from '../errors.ts'
import { checkForeignJson } from '../runtime/check-json.ts'

const maxDepth = 50
const maxValues = 20_000

/** Throws `invalid_request` with every fault under `/input`. */
export function checkEditedInput(input: unknown, schema: object): void {
  // The database could not tell an input that was changed to null from one that was not changed.
  const shape = input === null ? { path: '', message: 'Is null.' } : checkShape(input)
  const faults = shape ? [shape] : checkForeignJson(schema, input)
  if (faults.length === 0) return
  throw new AppError('invalid_request', {
    faults: faults.map(({ path, message }) => ({ path: `/input${path}`, message })),
  })
}

/** The first reason why a value cannot be looked at or kept at all; walks with a stack of its own. */
function checkShape(root: unknown): Fault | null {
  const open: { value: unknown; keys: string[] }[] = [{ value: root, keys: [] }]
  let visited = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, keys } = next
    visited += 1
    if (visited > maxValues) return { path: '', message: 'There are too many values.' }
    if (keys.length > maxDepth) return { path: '', message: 'Is nested too deeply.' }
    const unstorable = { path: formatPointer(keys), message: 'Has a character that cannot be stored.' }
    if (typeof value === 'string' && !isStorableText(value)) return unstorable
    if (typeof value !== 'object' || value === null) continue
    for (const [key, child] of Object.entries(value)) {
      if (!isStorableText(key)) return unstorable
      open.push({ value: child, keys: [...keys, key] })
    }
  }
  return null
}
