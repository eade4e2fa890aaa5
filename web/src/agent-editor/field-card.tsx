import {
  ActionIcon,
  Checkbox,
  Group,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconTrash } from '@tabler/icons-react'
import { type FieldDraft, type FieldKind, fieldKinds } from './field-drafts.ts'

interface FieldCardProps {
  field: FieldDraft
  position: number
  count: number
  isKnowledge: boolean
  fault?: string
  onChange: (part: Partial<FieldDraft>) => void
  onKnowledge: (isOn: boolean) => void
  onMove: (by: -1 | 1) => void
  onRemove: () => void
}

const kindLabels: Record<FieldKind, string> = {
  text: 'Short text',
  long_text: 'Long text',
  number: 'Number',
  yes_no: 'Yes or no',
  choice: 'Choice',
  list: 'List of texts',
  questions: 'Questions and answers',
  other: 'As it was loaded',
}

/** One question of the form, as its creator edits it. */
export function FieldCard(props: FieldCardProps) {
  const { field, position, count, isKnowledge, fault, onChange, onKnowledge, onMove, onRemove } = props
  const name = `question ${position}`
  const holdsText = field.kind !== 'number' && field.kind !== 'yes_no'
  return (
    <Paper withBorder p="md" radius="md" bg="var(--ax-page)" role="group" aria-label={`Question ${position}`}>
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Text size="sm" fw={600} c="dimmed" truncate>
          Question {position} · <code>{field.name}</code>
        </Text>
        <Group gap={2} wrap="nowrap">
          <ActionIcon
            className="ax-quiet"
            color="gray"
            aria-label={`Move ${name} up`}
            disabled={position === 1}
            onClick={() => onMove(-1)}
          >
            <IconArrowUp size={18} stroke={1.7} />
          </ActionIcon>
          <ActionIcon
            className="ax-quiet"
            color="gray"
            aria-label={`Move ${name} down`}
            disabled={position === count}
            onClick={() => onMove(1)}
          >
            <IconArrowDown size={18} stroke={1.7} />
          </ActionIcon>
          <ActionIcon color="red.8" aria-label={`Remove ${name}`} onClick={onRemove}>
            <IconTrash size={18} stroke={1.7} />
          </ActionIcon>
        </Group>
      </Group>
      <Stack gap="sm">
        <TextInput
          id={`field-${field.key}`}
          label="Question"
          placeholder="What is your shop called?"
          withAsterisk
          maxLength={120}
          value={field.title}
          onChange={(event) => onChange({ title: event.currentTarget.value })}
          error={fault}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <Select
            label="Kind of answer"
            data={fieldKinds
              .filter((kind) => kind !== 'other' || field.kind === 'other')
              .map((kind) => ({ value: kind, label: kindLabels[kind] }))}
            value={field.kind}
            onChange={(next) => next && onChange({ kind: next as FieldKind, defaultValue: '' })}
            allowDeselect={false}
          />
          <DefaultField field={field} onChange={onChange} />
        </SimpleGrid>
        {field.kind === 'choice' && (
          <TagsInput
            label="Choices"
            description="Type one, then press Enter."
            value={field.choices}
            maxTags={100}
            onChange={(choices) =>
              onChange({ choices, defaultValue: choices.includes(field.defaultValue) ? field.defaultValue : '' })
            }
          />
        )}
        <TextInput
          label="Help"
          placeholder="A short hint under the question"
          maxLength={1000}
          value={field.help}
          onChange={(event) => onChange({ help: event.currentTarget.value })}
        />
        <Group gap="lg">
          <Checkbox
            label="Must be answered"
            checked={field.isRequired}
            onChange={(event) => onChange({ isRequired: event.currentTarget.checked })}
          />
          {holdsText && (
            <Checkbox
              label="Search in it for answers"
              checked={isKnowledge}
              onChange={(event) => onKnowledge(event.currentTarget.checked)}
            />
          )}
        </Group>
      </Stack>
    </Paper>
  )
}

function DefaultField({ field, onChange }: Pick<FieldCardProps, 'field' | 'onChange'>) {
  const { kind, defaultValue, choices } = field
  const common = { label: 'Filled in beforehand', value: defaultValue }
  if (kind === 'list' || kind === 'questions' || kind === 'other') return null
  if (kind === 'yes_no' || kind === 'choice') {
    const data =
      kind === 'choice'
        ? choices.map((choice) => ({ value: choice, label: choice }))
        : [
            { value: 'true', label: 'Yes' },
            { value: 'false', label: 'No' },
          ]
    return (
      <Select
        {...common}
        value={defaultValue || null}
        data={data}
        placeholder="Nothing"
        clearable
        onChange={(next) => onChange({ defaultValue: next ?? '' })}
      />
    )
  }
  return (
    <TextInput
      {...common}
      inputMode={kind === 'number' ? 'decimal' : undefined}
      placeholder="Nothing"
      onChange={(event) => onChange({ defaultValue: event.currentTarget.value })}
    />
  )
}
