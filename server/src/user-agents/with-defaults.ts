import type { SettingsSchema } from '../agents/capabilities.ts'

/**
 * The answers with the default of each field that was left out, also within groups of a list. What does not fit the form
 * stays as it is, for validation to name.
 */
export function withDefaults(schema: SettingsSchema, settings: Record<string, unknown>): Record<string, unknown> {
  const filled = fillIn(schema.properties, settings)
  for (const [name, setting] of Object.entries(schema.properties)) {
    const value = filled[name]
    if (setting.type !== 'array' || !Object.hasOwn(filled, name) || !Array.isArray(value)) continue
    const { items } = setting
    if (items.type !== 'object') continue
    filled[name] = value.map((item) => (isGroup(item) ? fillIn(items.properties, item) : item))
  }
  return filled
}

function fillIn(
  fields: Record<string, { default?: unknown }>,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const missing = Object.entries(fields).flatMap(([name, field]) =>
    Object.hasOwn(given, name) || field.default === undefined ? [] : [[name, field.default] as const],
  )
  return { ...given, ...Object.fromEntries(missing) }
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
