import { Group, Paper, Stack, Text, Title } from '@mantine/core'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { Markdown } from '../ui/markdown.tsx'
import classes from './agent-logs.module.css'
import { countOf, formatCount, formatDuration } from './format-run.ts'
import { type RunApproval, readRunDetails } from './run-details.ts'
import { ToolCallView } from './tool-call-view.tsx'

type Step = ReturnType<typeof readRunDetails>['steps'][number]

/** What happened inside a run: each call of the model with the tools it asked for, in order. */
export function RunStepsView({ log }: { log: AgentLog }) {
  const { steps, approvals } = readRunDetails(log)
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
        <StepView
          key={number}
          step={step}
          number={number}
          isRunning={isRunning}
          isWaiting={log.status === 'waiting'}
          approvals={approvals}
          isLast={number === steps.length}
        />
      ))}
    </Stack>
  )
}

interface StepViewProps {
  step: Step
  number: number
  isRunning: boolean
  isWaiting: boolean
  approvals: RunApproval[]
  isLast: boolean
}

function StepView({ step, number, isRunning, isWaiting, approvals, isLast }: StepViewProps) {
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
        {step.tool_calls.map((call) => {
          const result = step.tool_results.find(({ id }) => id === call.id)
          const approval = approvals.find(({ tool_call_id }) => tool_call_id === call.id)
          return (
            <ToolCallView
              key={call.id}
              name={call.name}
              title={approval?.description}
              input={call.input}
              result={result}
              decision={result?.approval}
              isRunning={isRunning && !result}
              isWaiting={isWaiting && !result && approval !== undefined}
            />
          )
        })}
        {isLast && step.tool_calls.length === 0 && (
          <Text size="sm" c="dimmed">
            Wrote the answer.
          </Text>
        )}
      </Stack>
    </Paper>
  )
}
