import { type Schema, Validator } from '@cfworker/json-schema'
import { type RJSFSchema, toErrorSchema, type ValidatorType } from '@rjsf/utils'
import type { SettingsSchema } from '../../../server/src/agents/capabilities.ts'
import { parsePointer } from '../../../server/src/agents/check-storable.ts'
import { validateSettings } from '../../../server/src/agents/validate-settings.ts'
import type { FormValue } from './form-value.ts'

/**
 * The validator of the form. It interprets the schema instead of compiling it to code, which the content security policy
 * forbids, and it is the very function that the server uses, so that both say the same in the same words.
 */
export const settingsValidator: ValidatorType<FormValue, RJSFSchema> = {
  validateFormData(settings, schema) {
    const errors = validateSettings(schema as SettingsSchema, withoutEmpty(settings ?? {})).map(
      ({ path, message }) => ({
        name: 'fault',
        property: `.${parsePointer(path).join('.')}`,
        message,
        stack: message,
      }),
    )
    return { errors, errorSchema: toErrorSchema<FormValue>(errors) }
  },
  isValid(schema, value) {
    return new Validator(schema as Schema, '2020-12', true).validate(value).valid
  },
  rawValidation(schema, value) {
    return { errors: new Validator(schema as Schema, '2020-12', false).validate(value).errors as never[] }
  },
}

/** What JSON would keep: a field that was emptied is undefined in the form and absent on the wire. */
export function withoutEmpty(settings: FormValue): FormValue {
  return JSON.parse(JSON.stringify(settings)) as FormValue
}
