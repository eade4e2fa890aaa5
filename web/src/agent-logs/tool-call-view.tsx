import { Code, Collapse, Group, Loader, Paper, Stack, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAlertTriangle, IconChevronDown, IconTool } from '@tabler/icons-react'
import { useId } from 'react'
import { formatDuration, formatValue, toolTitle } from './format-run.ts'

export interface ToolCallViewProps {
  name: string
  input: unknown
  /** Absent while the tool works, or when the run ended before it answered. */
  result?: { output: unknown; is_error: boolean; duration_ms?: number }
  isRunning?: boolean
}

/** One call of a tool, folded: what it did in words, and inside what went in and what came out. */
export function ToolCallView({ name, input, result, isRunning = false }: ToolCallViewProps) {
  const [isOpen, { toggle }] = useDisclosure(false)
  const panelId = useId()
  const ending = result?.is_error ? ' — it did not work' : isRunning ? ' …' : ''
  return (
    <Paper withBorder radius="md" maw="100%">
      <UnstyledButton onClick={toggle} aria-expanded={isOpen} aria-controls={panelId} px="sm" py={6} w="100%">
        <Group gap="xs" wrap="nowrap">
          <ToolIcon isError={result?.is_error ?? false} isRunning={isRunning} />
          <Text size="sm" truncate style={{ flex: 1 }}>
            {toolTitle(name) + ending}
          </Text>
          {result?.duration_ms !== undefined && (
            <Text size="xs" c="dimmed">
              {formatDuration(result.duration_ms)}
            </Text>
          )}
          <IconChevronDown size={16} aria-hidden style={{ rotate: isOpen ? '180deg' : undefined }} />
        </Group>
      </UnstyledButton>
      <Collapse expanded={isOpen} id={panelId}>
        <Stack gap="xs" px="sm" pb="sm">
          <Value label={`Given to ${name}`} value={input} />
          {result && <Value label={result.is_error ? 'Error' : 'Answer'} value={result.output} />}
          {!result && !isRunning && (
            <Text size="sm" c="dimmed">
              The run ended before this tool answered.
            </Text>
          )}
        </Stack>
      </Collapse>
    </Paper>
  )
}

function ToolIcon({ isError, isRunning }: { isError: boolean; isRunning: boolean }) {
  if (isRunning) return <Loader size={14} aria-hidden />
  if (isError) return <IconAlertTriangle size={16} color="var(--mantine-color-red-filled)" aria-hidden />
  return <IconTool size={16} aria-hidden />
}

function Value({ label, value }: { label: string; value: unknown }) {
  return (
    <div>
      <Text size="xs" c="dimmed" mb={2}>
        {label}
      </Text>
      {/* Focusable, because a long value scrolls inside its box. */}
      <Code
        block
        mah={280}
        tabIndex={0}
        role="group"
        aria-label={label}
        style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
      >
        {formatValue(value) || '(empty)'}
      </Code>
    </div>
  )
}
