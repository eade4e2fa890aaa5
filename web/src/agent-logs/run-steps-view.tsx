import { Group, Paper, Stack, Text, Title } from '@mantine/core'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { Markdown } from '../ui/markdown.tsx'
import classes from './agent-logs.module.css'
import { countOf, formatCount, formatDuration } from './format-run.ts'
import { readRunDetails } from './run-details.ts'
import { ToolCallView } from './tool-call-view.tsx'

type Step = ReturnType<typeof readRunDetails>['steps'][number]

/** What happened inside a run: each call of the model with the tools it asked for, in order. */
export function RunStepsView({ log }: { log: AgentLog }) {
  const { steps } = readRunDetails(log)
  const isRunning = log.status === 'running'
  if (steps.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {isRunning ? 'The steps appear here when the run has ended.' : 'This run ended before its first step.'}
      </Text>
    )
  }
  const numbered = steps.map((step, index) => ({ step, number: index + 1 }))
  return (
    <Stack component="ol" gap="sm" className={classes.steps}>
      {numbered.map(({ step, number }) => (
        <StepView key={number} step={step} number={number} isRunning={isRunning} isLast={number === steps.length} />
      ))}
    </Stack>
  )
}

interface StepViewProps {
  step: Step
  number: number
  isRunning: boolean
  isLast: boolean
}

function StepView({ step, number, isRunning, isLast }: StepViewProps) {
  const facts = [
    formatDuration(step.duration_ms),
    `${formatCount(step.input_tokens)} + ${formatCount(step.output_tokens)} tokens${step.is_usage_estimated ? ' (estimated)' : ''}`,
    step.retries > 0 ? `asked again ${countOf(step.retries, 'time')}` : null,
    step.finish_reason,
  ].filter((fact) => fact !== null)
  return (
    <Paper component="li" withBorder p="md">
      <Group justify="space-between" gap="xs" mb="xs">
        <Title order={3} size="h4">
          Step {number}
        </Title>
        <Text size="xs" c="dimmed">
          {facts.join(' · ')}
        </Text>
      </Group>
      <Stack gap="xs">
        {/* The words of the last step are the answer, which stands above. */}
        {step.text.trim() !== '' && (!isLast || step.tool_calls.length > 0) && <Markdown>{step.text}</Markdown>}
        {step.tool_calls.map((call) => (
          <ToolCallView
            key={call.id}
            name={call.name}
            input={call.input}
            result={step.tool_results.find((result) => result.id === call.id)}
            isRunning={isRunning && !step.tool_results.some((result) => result.id === call.id)}
          />
        ))}
        {isLast && step.tool_calls.length === 0 && (
          <Text size="sm" c="dimmed">
            Wrote the answer.
          </Text>
        )}
      </Stack>
    </Paper>
  )
}
