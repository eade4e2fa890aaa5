import { ActionIcon, Box, Button, Fieldset, Group, Paper, Stack, Text } from '@mantine/core'
import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
  RJSFSchema,
} from '@rjsf/utils'
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import type { FormValue } from './form-value.ts'

// The fields show their own label, help and fault, so nothing is put around them.
function FieldTemplate({ children, hidden }: FieldTemplateProps<FormValue, RJSFSchema>) {
  return hidden ? <Box display="none">{children}</Box> : children
}

function ObjectFieldTemplate({ properties, fieldPathId }: ObjectFieldTemplateProps<FormValue, RJSFSchema>) {
  const isRoot = fieldPathId.path.length === 0
  return <Stack gap={isRoot ? 'xl' : 'md'}>{properties.map((property) => property.content)}</Stack>
}

function ArrayFieldTemplate(props: ArrayFieldTemplateProps<FormValue, RJSFSchema>) {
  const { title, schema, items, canAdd, onAddClick, fieldPathId, rawErrors, required, disabled } = props
  const hasFault = rawErrors !== undefined && rawErrors.length > 0
  return (
    <Fieldset
      id={fieldPathId.$id}
      tabIndex={-1}
      variant="unstyled"
      m={0}
      p={0}
      legend={
        <Text fw={600} fz="sm" component="span">
          {title}
          {required && (
            <Text span c="var(--mantine-color-error)" aria-hidden>
              {' '}
              *
            </Text>
          )}
        </Text>
      }
    >
      {schema.description && (
        <Text size="xs" c="dimmed" mb="xs">
          {schema.description}
        </Text>
      )}
      <Stack gap="sm">
        {items}
        {hasFault && (
          <Text size="xs" c="var(--mantine-color-error)">
            {rawErrors.join(' ')}
          </Text>
        )}
        {canAdd && (
          <Box>
            <Button
              variant="light"
              size="sm"
              leftSection={<IconPlus size={16} aria-hidden />}
              onClick={onAddClick}
              disabled={disabled}
            >
              Add {entryName(schema).toLowerCase()}
            </Button>
          </Box>
        )}
      </Stack>
    </Fieldset>
  )
}

function ArrayFieldItemTemplate(props: ArrayFieldItemTemplateProps<FormValue, RJSFSchema>) {
  const { children, schema, index, hasToolbar, buttonsProps, totalItems } = props
  const name = `${schema.title ?? 'Entry'} ${index + 1}`
  const buttons = hasToolbar && (
    <Group gap={2} wrap="nowrap">
      {totalItems > 1 && (
        <>
          <ActionIcon
            className="ax-quiet"
            color="gray"
            aria-label={`Move ${name} up`}
            disabled={!buttonsProps.hasMoveUp || buttonsProps.disabled}
            onClick={buttonsProps.onMoveUpItem}
          >
            <IconArrowUp size={18} stroke={1.7} />
          </ActionIcon>
          <ActionIcon
            className="ax-quiet"
            color="gray"
            aria-label={`Move ${name} down`}
            disabled={!buttonsProps.hasMoveDown || buttonsProps.disabled}
            onClick={buttonsProps.onMoveDownItem}
          >
            <IconArrowDown size={18} stroke={1.7} />
          </ActionIcon>
        </>
      )}
      <ActionIcon
        color="red.8"
        variant="subtle"
        aria-label={`Remove ${name}`}
        disabled={!buttonsProps.hasRemove || buttonsProps.disabled}
        onClick={buttonsProps.onRemoveItem}
      >
        <IconTrash size={18} stroke={1.7} />
      </ActionIcon>
    </Group>
  )
  if (schema.type !== 'object') {
    return (
      <Group gap="xs" wrap="nowrap" align="flex-end">
        <Box flex={1}>{children}</Box>
        {buttons}
      </Group>
    )
  }
  return (
    <Paper
      withBorder
      p="md"
      radius="md"
      bg="var(--ax-page)"
      role="group"
      aria-label={name}
      className={index > 0 ? 'ax-later-entry' : undefined}
    >
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Text size="sm" fw={600} c="dimmed">
          {name}
        </Text>
        {buttons}
      </Group>
      {children}
    </Paper>
  )
}

function entryName(schema: RJSFSchema): string {
  const { items } = schema
  return typeof items === 'object' && !Array.isArray(items) && items.title ? items.title : 'entry'
}

export const templates = { FieldTemplate, ObjectFieldTemplate, ArrayFieldTemplate, ArrayFieldItemTemplate }
