import { createHash } from 'node:crypto'

/** What providers of models allow. */
const maxLength = 64

/**
 * Names for the model, one a tool and no two alike: `<type>__<tool>`, from the second integration of a type on
 * `<type>_2__<tool>`. What does not fit, or would be the same as another, ends in a hash of all of it.
 */
export function nameTools<Tool extends { type: string; integrationId: string; tool: string }>(
  tools: readonly Tool[],
): Map<Tool, string> {
  const names = new Map<Tool, string>()
  const taken = new Set<string>()
  const ofType = new Map<string, string[]>()
  for (const one of tools) {
    const siblings = ofType.get(one.type) ?? []
    if (!siblings.includes(one.integrationId)) ofType.set(one.type, [...siblings, one.integrationId])
    const place = (ofType.get(one.type) ?? []).indexOf(one.integrationId)
    const prefix = place === 0 ? one.type : `${one.type}_${place + 1}`
    const plain = `${prefix}__${one.tool.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`
    let name = plain
    for (let attempt = 0; name.length > maxLength || taken.has(name); attempt++) {
      const hash = createHash('sha256').update(`${prefix}\0${one.tool}\0${attempt}`).digest('hex').slice(0, 8)
      name = `${plain.slice(0, maxLength - 9)}_${hash}`
    }
    taken.add(name)
    names.set(one, name)
  }
  return names
}
