import { Text } from '@mantine/core'
import { useMemo } from 'react'
import type { Fault } from '../../../api-client/src/api-error.ts'
import { SettingsForm } from '../settings-form/settings-form.tsx'
import { toPreviewSchema } from './agent-draft.ts'
import type { EditorSectionProps } from './editor-types.ts'
import { Section } from './section.tsx'

/** The form as people will see it; what the creator answers here becomes the example. */
export function PreviewSection({ draft, change, faults }: EditorSectionProps & { faults: readonly Fault[] }) {
  const schema = useMemo(() => toPreviewSchema(draft.fields), [draft.fields])
  return (
    <Section
      id="preview-title"
      title="Preview and example"
      help="This is the form people see. What you fill in here is the example they can try with one click."
    >
      {draft.fields.length === 0 ? (
        <Text size="sm" c="dimmed">
          Add a question, and it appears here.
        </Text>
      ) : (
        <SettingsForm
          schema={schema}
          value={draft.example}
          onChange={(example) => change({ example })}
          faults={faults}
        />
      )}
    </Section>
  )
}
