// Not from '@rjsf/core': its index also imports a validator that compiles schemas to code, which is not installed here.
import withTheme from '@rjsf/core/lib/withTheme.js'
import type { RJSFSchema } from '@rjsf/utils'
import { useMemo } from 'react'
import type { Fault } from '../../../api-client/src/api-error.ts'
import type { SettingsSchema } from '../../../server/src/agents/capabilities.ts'
import type { ShownForm } from '../integrations/shown-form.ts'
import type { FormValue } from './form-value.ts'
import { fieldIdPrefix, toErrorSchema } from './settings-faults.ts'
import { settingsValidator } from './settings-validator.ts'
import { templates } from './templates.tsx'
import { widgets } from './widgets.tsx'

const ThemedForm = withTheme<FormValue, RJSFSchema>({ templates, widgets })

interface SettingsFormProps {
  /** Settings of an agent, or the form of an account, which also has passwords. */
  schema: SettingsSchema | ShownForm
  value: FormValue
  onChange: (settings: FormValue) => void
  /** Shown at their fields; paths from the settings on, such as `/faq/0/answer`. */
  faults?: readonly Fault[]
  isDisabled?: boolean
  /** First part of the id of every field: another one for each form of a page. */
  idPrefix?: string
}

/** The fields of an agent's settings, out of its schema. Stands inside a form of the page and has no button of its own. */
export function SettingsForm(props: SettingsFormProps) {
  const { schema, value, onChange, faults = [], isDisabled, idPrefix = fieldIdPrefix } = props
  const errors = useMemo(() => toErrorSchema(faults), [faults])
  return (
    <ThemedForm
      tagName="div"
      idPrefix={idPrefix}
      schema={schema as RJSFSchema}
      formData={value}
      onChange={(event) => onChange(event.formData ?? {})}
      validator={settingsValidator}
      extraErrors={errors}
      noValidate
      showErrorList={false}
      disabled={isDisabled}
    >
      {/* Without a child the form would draw its own button. */}
      <span hidden />
    </ThemedForm>
  )
}
