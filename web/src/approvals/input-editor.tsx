import { Button, Stack, Textarea } from '@mantine/core'
import { useState } from 'react'
import type { Fault } from '../../../api-client/src/api-error.ts'
import type { ShownForm } from '../integrations/shown-form.ts'
import type { FormValue } from '../settings-form/form-value.ts'
import { faultsBelow } from '../settings-form/settings-faults.ts'
import { SettingsForm } from '../settings-form/settings-form.tsx'
import { editableSchema, isObject } from './editable-schema.ts'
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
  const [isWhole, setIsWhole] = useState(false)
  const form = edited.json === undefined ? editableSchema(schema, original) : null
  if (form) {
    const used = usedFields(form, original)
    const isFaultHidden = inputFaults.some(({ path }) => !((path.split('/')[1] ?? '') in used.properties))
    const shown = isWhole || isFaultHidden ? form : used
    const moreCount = Object.keys(form.properties).length - Object.keys(shown.properties).length
    return (
      <Stack gap="md">
        <SettingsForm
          idPrefix={idPrefix}
          schema={shown}
          value={edited.value as FormValue}
          onChange={(value) => onChange({ value })}
          faults={inputFaults}
        />
        {moreCount > 0 && (
          <div>
            <Button variant="subtle" size="compact-sm" onClick={() => setIsWhole(true)}>
              {moreCount === 1 ? 'Show one more field' : `Show ${moreCount} more fields`}
            </Button>
          </div>
        )}
      </Stack>
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

/** The fields that the call makes use of, and those that it must. */
function usedFields(form: ShownForm, original: unknown): ShownForm {
  const isUsed = (name: string) => form.required.includes(name) || (isObject(original) && name in original)
  const properties = Object.fromEntries(Object.entries(form.properties).filter(([name]) => isUsed(name)))
  return { ...form, properties }
}

function readJson(json: string, before: unknown): EditedInput {
  try {
    return { json, value: JSON.parse(json) as unknown }
  } catch {
    return { json, value: before, jsonFault: 'This is not JSON yet.' }
  }
}
