import { isDeepStrictEqual } from 'node:util'
import { type Capabilities, capabilitiesSchema } from './capabilities.ts'

/**
 * What the jsonb columns `capabilities` hold. jsonb sorts the keys of an object by length, and the order of the fields
 * of a form is part of the form, so it is kept beside them.
 */
export interface StoredCapabilities extends Capabilities {
  /** One list a field of the form: its name, and for a list of groups the names of the fields of a group. */
  field_order: string[][]
  /** `agents.type` at that version, for whoever stays on it when the agent itself is no longer visible to them. */
  type: string
}

export function toStoredCapabilities(capabilities: Capabilities, type: string): StoredCapabilities {
  const field_order = Object.entries(capabilities.settings.properties).map(([name, setting]) =>
    setting.type === 'array' && setting.items.type === 'object'
      ? [name, ...Object.keys(setting.items.properties)]
      : [name],
  )
  // As JSON gives it back (no -0, nothing undefined), so that it equals what is read from the database.
  return JSON.parse(JSON.stringify({ ...capabilities, field_order, type }))
}

/** The column `capabilities` of `agents` or `agent_versions`, with the fields of the form in their order. */
export function readCapabilities(stored: unknown): Capabilities {
  // Only toStoredCapabilities writes the column, after capabilitiesSchema has read the value.
  const { field_order = [], type: _type, ...capabilities } = stored as Capabilities & Partial<StoredCapabilities>
  const order = new Map(field_order.map(([name = '', ...fields]) => [name, fields]))
  const properties = inOrder(capabilities.settings.properties, [...order.keys()])
  for (const [name, setting] of Object.entries(properties)) {
    if (setting.type !== 'array' || setting.items.type !== 'object') continue
    const items = { ...setting.items, properties: inOrder(setting.items.properties, order.get(name) ?? []) }
    properties[name] = { ...setting, items }
  }
  // Rows from before a field was added to the schema get its default.
  return capabilitiesSchema.parse({ ...capabilities, settings: { ...capabilities.settings, properties } })
}

/** `agents.type` as it was at this version; null in rows that do not say. */
export function readStoredType(stored: unknown): string | null {
  return (stored as Partial<StoredCapabilities>).type ?? null
}

export function isSameCapabilities(stored: unknown, other: StoredCapabilities): boolean {
  return isDeepStrictEqual(stored, other)
}

function inOrder<Field>(fields: Record<string, Field>, names: readonly string[]): Record<string, Field> {
  const known = names.flatMap((name) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    return field === undefined ? [] : [[name, field] as const]
  })
  // A name that is already there keeps its place.
  return { ...Object.fromEntries(known), ...fields }
}
