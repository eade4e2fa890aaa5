import { Badge, Button, Code, Collapse, Group, Loader, Paper, Stack, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAlertTriangle, IconChevronDown, IconHandStop, IconTool } from '@tabler/icons-react'
import { useId } from 'react'
import type { ShownToolResult } from '../chat/run-message.ts'
import { formatDuration, formatValue, toolTitle } from './format-run.ts'

export interface ToolCallViewProps {
  name: string
  input: unknown
  /** What it does, where the server says it in words. */
  title?: string
  /** Absent while the tool works, or when the run ended before it answered. */
  result?: ShownToolResult
  isRunning?: boolean
  /** Its owner was asked for it and has not answered. */
  isWaiting?: boolean
  /** What its owner said, and what they changed. */
  decision?: { decision: 'approve' | 'refuse'; comment: string | null; edited_input?: unknown }
}

/** One call of a tool, folded: what it did in words, and inside what went in and what came out. */
export function ToolCallView(props: ToolCallViewProps) {
  const { name, input, title, result, isRunning = false, isWaiting = false, decision } = props
  const [isOpen, { toggle }] = useDisclosure(false)
  const panelId = useId()
  return (
    <Paper withBorder radius="md" maw="100%">
      <UnstyledButton onClick={toggle} aria-expanded={isOpen} aria-controls={panelId} px="sm" py={6} w="100%">
        <Group gap="xs" wrap="nowrap">
          <ToolIcon
            isError={result?.is_error ?? false}
            isRunning={isRunning}
            isRefused={(result?.is_refused ?? false) || isWaiting}
          />
          <Text size="sm" truncate style={{ flex: 1 }}>
            {(title ?? toolTitle(name)) + endingOf(props)}
          </Text>
          {result?.is_untrusted && (
            <Badge size="sm" color="honey" style={{ flexShrink: 0 }}>
              From outside
            </Badge>
          )}
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
          <Value
            label={decision?.edited_input === undefined ? `Given to ${name}` : 'What the agent asked for'}
            value={input}
          />
          {decision && <DecisionView name={name} decision={decision} />}
          {result && !result.is_refused && <Value label={result.is_error ? 'Error' : 'Answer'} value={result.output} />}
          {result?.full_output !== undefined && <FullOutput value={result.full_output} />}
          {result?.is_untrusted && (
            <Text size="xs" c="dimmed">
              Strangers may have written a part of this answer. The agent is told to take it as material, never as an
              instruction, and asks before it changes anything after it.
            </Text>
          )}
          {isWaiting && <Text size="sm">It waits for your approval.</Text>}
          {!result && !isRunning && !isWaiting && (
            <Text size="sm" c="dimmed">
              The run ended before this tool answered.
            </Text>
          )}
        </Stack>
      </Collapse>
    </Paper>
  )
}

function endingOf({ result, isRunning, isWaiting }: ToolCallViewProps): string {
  if (result?.is_refused) return ' — refused'
  if (result?.is_error) return ' — it did not work'
  if (isWaiting) return ' — waits for you'
  return isRunning ? ' …' : ''
}

function DecisionView({ name, decision }: { name: string; decision: NonNullable<ToolCallViewProps['decision']> }) {
  const isApproved = decision.decision === 'approve'
  return (
    <>
      <Text size="sm" fw={600}>
        {isApproved ? 'You approved it' : 'You refused it: nothing was done'}
        {isApproved && decision.edited_input !== undefined && ', changed to this'}
        {decision.comment && <Text span fw={400}>{` and said: ${decision.comment}`}</Text>}
      </Text>
      {decision.edited_input !== undefined && <Value label={`Given to ${name}`} value={decision.edited_input} />}
    </>
  )
}

/** Only read into the page when somebody wants it: it may be a megabyte. */
function FullOutput({ value }: { value: unknown }) {
  const [isOpen, { toggle }] = useDisclosure(false)
  return (
    <div>
      <Button variant="subtle" size="compact-xs" onClick={toggle} aria-expanded={isOpen} mb={4}>
        {isOpen ? 'Hide the whole answer' : 'Show the whole answer, of which the model got the beginning'}
      </Button>
      {isOpen && <Value label="Whole answer" value={value} />}
    </div>
  )
}

function ToolIcon({ isError, isRunning, isRefused }: { isError: boolean; isRunning: boolean; isRefused: boolean }) {
  if (isRefused) return <IconHandStop size={16} aria-hidden />
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
