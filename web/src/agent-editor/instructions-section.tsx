import { Button, Group, Text, Textarea } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useRef } from 'react'
import { placeholderOf } from './agent-draft.ts'
import type { EditorSectionProps } from './editor-types.ts'
import { Section } from './section.tsx'

export function InstructionsSection({ draft, change, faultAt }: EditorSectionProps) {
  const area = useRef<HTMLTextAreaElement>(null)
  const insert = (name: string) => {
    const text = placeholderOf(name)
    const { instructions } = draft
    const start = area.current?.selectionStart ?? instructions.length
    const end = area.current?.selectionEnd ?? start
    change({ instructions: instructions.slice(0, start) + text + instructions.slice(end) })
    // After the new value is drawn: the browser puts the caret at the end otherwise.
    requestAnimationFrame(() => {
      area.current?.focus()
      area.current?.setSelectionRange(start + text.length, start + text.length)
    })
  }
  return (
    <Section
      id="instructions-title"
      title="What it is told"
      help="The agent reads this before every conversation. Where an answer from the form belongs, insert its field."
    >
      <Textarea
        id="agent-instructions"
        ref={area}
        label="Instructions"
        withAsterisk
        autosize
        minRows={8}
        maxRows={24}
        maxLength={20_000}
        placeholder={'You answer customers of {{settings.shop}}. Be brief and friendly …'}
        value={draft.instructions}
        onChange={(event) => change({ instructions: event.currentTarget.value })}
        error={faultAt('/instructions')}
      />
      {draft.fields.length > 0 && (
        <div>
          <Text size="sm" fw={500} mb={6}>
            Insert a field
          </Text>
          <Group gap={6}>
            {draft.fields.map((field) => (
              <Button
                key={field.key}
                size="compact-sm"
                variant="light"
                leftSection={<IconPlus size={13} aria-hidden />}
                onClick={() => insert(field.name)}
                maw="100%"
              >
                {field.title || 'Untitled question'}
              </Button>
            ))}
          </Group>
        </div>
      )}
    </Section>
  )
}
