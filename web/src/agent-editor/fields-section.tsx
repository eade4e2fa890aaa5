import { Box, Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { changeField } from './agent-draft.ts'
import type { EditorSectionProps } from './editor-types.ts'
import { FieldCard } from './field-card.tsx'
import { nameFromTitle, newField } from './field-drafts.ts'
import { Section } from './section.tsx'

export function FieldsSection({ draft, change, faultAt }: EditorSectionProps) {
  const add = () =>
    change((before) => {
      const taken = before.fields.map((field) => field.name)
      const field = { ...newField(crypto.randomUUID()), name: nameFromTitle('', taken) }
      return { ...before, fields: [...before.fields, field] }
    })
  const move = (index: number, by: -1 | 1) =>
    change((before) => {
      const fields = [...before.fields]
      const [field] = fields.splice(index, 1)
      if (field) fields.splice(index + by, 0, field)
      return { ...before, fields }
    })
  const remove = (key: string) =>
    change((before) => ({
      ...before,
      fields: before.fields.filter((field) => field.key !== key),
      knowledgeKeys: before.knowledgeKeys.filter((known) => known !== key),
    }))
  return (
    <Section
      id="fields-title"
      title="Questions of the form"
      help="What people answer when they set the agent up. Ask as you would ask a person."
    >
      {draft.fields.map((field, index) => (
        <FieldCard
          key={field.key}
          field={field}
          position={index + 1}
          count={draft.fields.length}
          isKnowledge={draft.knowledgeKeys.includes(field.key)}
          fault={faultAt(`/settings/properties/${field.name}`, true)}
          onChange={(part) => change((before) => changeField(before, field.key, part))}
          onKnowledge={(isOn) =>
            change((before) => ({
              ...before,
              knowledgeKeys: [...before.knowledgeKeys.filter((key) => key !== field.key), ...(isOn ? [field.key] : [])],
              // Texts that nothing searches would never be read.
              tools:
                isOn && !before.tools.includes('search_knowledge')
                  ? [...before.tools, 'search_knowledge']
                  : before.tools,
            }))
          }
          onMove={(by) => move(index, by)}
          onRemove={() => remove(field.key)}
        />
      ))}
      <Box>
        <Button variant="light" leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
          Add a question
        </Button>
      </Box>
    </Section>
  )
}
