import { Stack, Textarea } from '@mantine/core'
import type { Fault } from '../../../api-client/src/api-error.ts'
import type { FormValue } from '../settings-form/form-value.ts'
import { faultsBelow } from '../settings-form/settings-faults.ts'
import { SettingsForm } from '../settings-form/settings-form.tsx'
import { editableSchema } from './editable-schema.ts'
import type { EditedInput } from './edited-input.ts'

interface InputEditorProps {
  /** The input as it was asked for: it decides which fields get room. */
  original: unknown
  schema: unknown
  edited: EditedInput
  onChange: (edited: EditedInput) => void
  /** From the server, below `/input`. */
  faults: readonly Fault[]
  idPrefix: string
}

/** Where the input of a call is changed before it is approved. */
export function InputEditor({ original, schema, edited, onChange, faults, idPrefix }: InputEditorProps) {
  const inputFaults = faultsBelow('/input', faults)
  const form = edited.json === undefined ? editableSchema(schema, original) : null
  if (form) {
    return (
      <SettingsForm
        idPrefix={idPrefix}
        schema={form}
        value={edited.value as FormValue}
        onChange={(value) => onChange({ value })}
        faults={inputFaults}
      />
    )
  }
  const said = [
    edited.jsonFault,
    ...inputFaults.map(({ path, message }) => (path === '' ? message : `${path.slice(1)}: ${message}`)),
  ].filter((fault) => fault !== undefined)
  return (
    <Stack gap={4}>
      <Textarea
        id={`${idPrefix}_json`}
        label="Input as JSON"
        autosize
        minRows={4}
        maxRows={20}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
        value={edited.json ?? ''}
        onChange={(event) => onChange(readJson(event.currentTarget.value, edited.value))}
        error={said.length > 0 ? said.join(' ') : undefined}
      />
    </Stack>
  )
}

function readJson(json: string, before: unknown): EditedInput {
  try {
    return { json, value: JSON.parse(json) as unknown }
  } catch {
    return { json, value: before, jsonFault: 'This is not JSON yet.' }
  }
}
