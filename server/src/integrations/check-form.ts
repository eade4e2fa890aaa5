import type { SettingsSchema } from '../agents/capabilities.ts'
import { validateSettings } from '../agents/validate-settings.ts'
import type { JsonValue } from '../crypto/seal-secret.ts'
import type { Fault } from '../errors.ts'
import { withDefaults } from '../user-agents/with-defaults.ts'
import type { ConnectionForm, FormField } from './integration-type.ts'

type Values = Record<string, JsonValue>

/**
 * What was entered, with defaults and without the fields that the settings hide; it may be stored when there are no
 * faults. `settings` are the ones that `shown_when` looks at.
 */
export function checkForm(
  form: ConnectionForm,
  given: Record<string, unknown>,
  { settings, path }: { settings: Record<string, unknown>; path: '/settings' | '/credentials' },
): { values: Values; faults: Fault[] } {
  const schema = visibleSchema(form, settings)
  const known = Object.entries(given).filter(
    ([name]) => Object.hasOwn(schema.properties, name) || !Object.hasOwn(form.properties, name),
  )
  const values = withDefaults(schema, Object.fromEntries(known))
  const faults = validateSettings(schema, values).map((fault) => ({
    path: `${path}${fault.path}`,
    message: fault.message === 'This agent has no such setting.' ? 'There is no such field.' : fault.message,
  }))
  return { values: values as Values, faults }
}

/** The fields that belong to the form with these settings, in the words that settings of agents have. */
function visibleSchema(form: ConnectionForm, settings: Record<string, unknown>): SettingsSchema {
  const properties: SettingsSchema['properties'] = {}
  for (const [name, field] of Object.entries(form.properties))
    if (isShown(field, form, settings)) properties[name] = toSetting(field)
  return { type: 'object', properties, required: form.required.filter((name) => Object.hasOwn(properties, name)) }
}

function isShown({ shown_when: condition }: FormField, form: ConnectionForm, settings: Record<string, unknown>) {
  if (condition === undefined) return true
  const actual = settings[condition.field] ?? form.properties[condition.field]?.default
  return condition.is.some((value) => value === actual)
}

function toSetting(field: FormField): SettingsSchema['properties'][string] {
  if (field.type !== 'array' && field.format === 'password') {
    const { shown_when: _, enum_titles: _titles, format: _format, ...setting } = field
    return setting
  }
  const { shown_when: _, enum_titles: _titles, ...setting } = field
  return setting as SettingsSchema['properties'][string]
}
