import type { Fault } from '../../../api-client/src/api-error.ts'
import type { IntegrationType } from '../../../api-client/src/api-types.ts'
import { checkForm } from '../../../server/src/integrations/check-form.ts'
import type { ConnectionForm, FormField } from '../../../server/src/integrations/integration-type.ts'
import type { FormValue } from '../settings-form/form-value.ts'
import { withoutEmpty } from '../settings-form/settings-validator.ts'

/** The fields of an account's form that are to be seen now, as the schema that the form of the page draws. */
export interface ShownForm {
  type: 'object'
  properties: Record<string, Record<string, unknown>>
  required: string[]
}

type Form = IntegrationType['settings']

/** The settings with the defaults of their form, as the server completes them. */
export function completeSettings(form: Form, settings: FormValue): FormValue {
  const defaults = Object.entries(form.properties).flatMap(([name, field]) =>
    field.default === undefined ? [] : [[name, field.default] as const],
  )
  return { ...Object.fromEntries(defaults), ...withoutEmpty(settings) }
}

/** The fields that belong to the form with these settings, without those in `hidden`. */
export function shownForm(form: Form, settings: FormValue, hidden: readonly string[] = []): ShownForm {
  const properties: ShownForm['properties'] = {}
  for (const [name, { shown_when, ...field }] of Object.entries(form.properties)) {
    const condition = shown_when as FormField['shown_when']
    const isShown = !condition || condition.is.some((value) => value === settings[condition.field])
    if (isShown && !hidden.includes(name)) properties[name] = field
  }
  return { type: 'object', properties, required: form.required.filter((name) => name in properties) }
}

interface Entered {
  settings: FormValue
  credentials: FormValue
  /** Credentials that the server has and that stay as they are. */
  kept: readonly string[]
}

/** Faults of what was entered, in the words of the server, with paths such as `/credentials/token`. */
export function checkEntered(type: IntegrationType, { settings, credentials, kept }: Entered): Fault[] {
  const complete = completeSettings(type.settings, settings)
  const asForm = (form: Form) => form as unknown as ConnectionForm
  const { faults } = checkForm(asForm(type.settings), withoutEmpty(settings), { settings: complete, path: '/settings' })
  const asked = { ...type.credentials, ...shownForm(type.credentials, complete, kept) }
  const form = checkForm(asForm(asked), withoutEmpty(credentials), { settings: complete, path: '/credentials' })
  return [...faults, ...form.faults]
}

/**
 * What a change sends: a setting that was emptied and a credential in `removed` are `null`, which takes them away; a
 * credential that was not typed anew is left out, which keeps it. Fields that the settings hide now are not sent.
 */
export function changesOf(
  type: IntegrationType,
  { settings, credentials, kept, removed }: Entered & { removed: readonly string[] },
  before: { settings: FormValue },
): { settings: FormValue; credentials: FormValue } {
  const complete = completeSettings(type.settings, settings)
  const shown = shownForm(type.settings, complete).properties
  const asked = shownForm(type.credentials, complete, kept).properties
  return {
    settings: { ...nulls(Object.keys(shown).filter((name) => name in before.settings)), ...pick(settings, shown) },
    credentials: { ...nulls(removed), ...pick(credentials, asked) },
  }
}

function nulls(names: readonly string[]): FormValue {
  return Object.fromEntries(names.map((name) => [name, null]))
}

function pick(value: FormValue, names: object): FormValue {
  return Object.fromEntries(Object.entries(withoutEmpty(value)).filter(([name]) => name in names))
}
