import type { z } from 'zod'
import { AppError, type Fault } from '../errors.ts'
import { type Capabilities, capabilitiesSchema } from './capabilities.ts'
import { checkCapabilities } from './check-capabilities.ts'
import { formatPointer, isStorableText } from './check-storable.ts'

/** Deepest honest place: settings -> properties -> list -> default -> group -> field. */
const maxDepth = 12
const maxValues = 20_000
const maxBytes = 300_000
const maxFaults = 100

/** Reads an agent's capabilities from a request; throws `invalid_capabilities` with every fault under `/capabilities`. */
export function parseCapabilities(value: unknown): Capabilities {
  const fault = checkShape(value)
  // zod recurses, so it must never see a value that is nested 100,000 deep.
  if (fault) throw refuse([fault])
  const parsed = capabilitiesSchema.safeParse(value)
  if (!parsed.success) throw refuse(parsed.error.issues.flatMap((issue) => listFaults(issue, [])))
  const faults = checkCapabilities(parsed.data)
  if (faults.length > 0) throw refuse(faults)
  return parsed.data
}

function refuse(faults: Fault[]): AppError {
  const under = faults.slice(0, maxFaults).map(({ path, message }) => ({ path: `/capabilities${path}`, message }))
  return new AppError('invalid_capabilities', { faults: under })
}

/** The first reason why a value cannot be looked at or kept at all; walks with a stack of its own. */
function checkShape(root: unknown): Fault | null {
  const open: { value: unknown; keys: string[] }[] = [{ value: root, keys: [] }]
  let visited = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, keys } = next
    const path = formatPointer(keys)
    visited += 1
    if (visited > maxValues) return { path: '', message: `There are too many values; at most ${maxValues} fit.` }
    if (keys.length > maxDepth) return { path, message: 'Is nested too deeply.' }
    if (typeof value === 'string' && !isStorableText(value))
      return { path, message: 'Has a character that cannot be stored.' }
    if (typeof value !== 'object' || value === null) continue
    for (const [key, child] of Object.entries(value)) {
      if (!isStorableText(key)) return { path, message: 'A field name has a character that cannot be stored.' }
      open.push({ value: child, keys: [...keys, key] })
    }
  }
  if (Buffer.byteLength(JSON.stringify(root) ?? '') > maxBytes) return { path: '', message: 'At most 300 kB fit.' }
  return null
}

/** One fault for each issue; of a value that fits none of several shapes, the faults of the shape it comes nearest to. */
function listFaults(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): Fault[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const isOtherKind = (issues: z.core.$ZodIssue[]) =>
      issues.some(({ path }) => path.length === 1 && path[0] === 'type')
    const [nearest] = issue.errors
      .filter((issues) => issues.length > 0)
      .sort((a, b) => Number(isOtherKind(a)) - Number(isOtherKind(b)) || a.length - b.length)
    if (nearest) return nearest.flatMap((inner) => listFaults(inner, path))
  }
  return [{ path: formatPointer(path.map(String)), message: issue.message }]
}
