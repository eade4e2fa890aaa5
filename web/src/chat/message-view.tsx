import { ActionIcon, Alert, Button, CopyButton as CopyState, Group, Loader, Stack, Text, Tooltip } from '@mantine/core'
import {
  IconAlertTriangle,
  IconCheck,
  IconCopy,
  IconListDetails,
  IconPlayerStop,
  IconRefresh,
} from '@tabler/icons-react'
import { memo } from 'react'
import { CitationChips } from '../agent-logs/citation-chips.tsx'
import { RunRating } from '../agent-logs/run-rating.tsx'
import { ToolCallView } from '../agent-logs/tool-call-view.tsx'
import type { Decision } from '../approvals/approval-card.tsx'
import { describeRefusal, isPlanCode } from '../limits/plan-refusal.ts'
import { RefusalAlert } from '../limits/refusal-alert.tsx'
import { IconLink } from '../ui/links.tsx'
import { Markdown } from '../ui/markdown.tsx'
import { BuiltInNote } from './built-in-note.tsx'
import classes from './chat.module.css'
import { ChatApproval } from './chat-approval.tsx'
import { citationsOf, type RunMessage, textOf, toolCallOf } from './run-message.ts'

interface MessageViewProps {
  message: RunMessage
  isStreaming: boolean
  agentName: string
  modelLabel: string | null
  /** Present on the last answer when it can be asked for again. */
  onRetry?: () => void
  /** Answers what the run asks its owner for. */
  onDecide: (runId: string, approvalId: string, decision: Decision) => Promise<unknown>
}

/** One message. While an answer streams only its own object changes, so that all others keep what they have drawn. */
export const MessageView = memo(function MessageView(props: MessageViewProps) {
  if (props.message.role === 'user') return <Question text={textOf(props.message)} />
  return <Answer {...props} />
})

function Question({ text }: { text: string }) {
  return (
    <article className={classes.question} aria-label="You">
      <Text className="ax-pre-line" style={{ whiteSpace: 'pre-wrap' }}>
        {text}
      </Text>
    </article>
  )
}

function Answer({ message, isStreaming, agentName, modelLabel, onRetry, onDecide }: MessageViewProps) {
  const text = textOf(message)
  const metadata = message.metadata ?? {}
  const isWaiting = isStreaming && !hasOpenEnd(message)
  return (
    <article className={classes.answer} aria-label={agentName} aria-busy={isStreaming}>
      <Stack gap="sm">
        {message.parts.map((part, index) => {
          const call = toolCallOf(part)
          if (call?.approval && !isStreaming)
            return (
              <ChatApproval
                key={call.id}
                approvalId={call.approval.id}
                onDecide={(decision) => onDecide(message.id, call.approval?.id ?? '', decision)}
              />
            )
          if (call) return <ToolCallView key={call.id} {...call} isRunning={isStreaming && !call.result} />
          if (part.type !== 'text' || part.text === '') return null
          // biome-ignore lint/suspicious/noArrayIndexKey: parts are only ever appended
          return <Markdown key={index}>{part.text}</Markdown>
        })}
        {isWaiting && <Thinking />}
        {!isStreaming && <Ending message={message} text={text} onRetry={onRetry} />}
        <CitationChips citations={citationsOf(message)} text={text} />
        {!isStreaming && (
          <Group gap="xs" className={classes.answerFoot}>
            <Group gap={2}>
              {text !== '' && <CopyAnswer text={text} />}
              {onRetry && !metadata.error_title && (
                <Tooltip label="Ask again">
                  <ActionIcon size="md" color="gray" aria-label="Ask again" onClick={onRetry}>
                    <IconRefresh size={17} aria-hidden />
                  </ActionIcon>
                </Tooltip>
              )}
              {metadata.run_id && <OpenRun runId={metadata.run_id} />}
            </Group>
            {metadata.run_id && text !== '' && metadata.status !== 'waiting' && (
              <RunRating
                runId={metadata.run_id}
                rating={metadata.rating ?? null}
                comment={metadata.rating_comment ?? null}
              />
            )}
            {metadata.is_built_in_model ? (
              <BuiltInNote />
            ) : (
              modelLabel && (
                <Text size="xs" c="dimmed">
                  {modelLabel}
                </Text>
              )
            )}
          </Group>
        )}
      </Stack>
    </article>
  )
}

/** True while text is growing at the end of the answer: that is progress enough to see. */
function hasOpenEnd(message: RunMessage): boolean {
  const last = message.parts.findLast((part) => part.type === 'text' || toolCallOf(part) !== null)
  if (!last) return false
  if (last.type === 'text') return last.state === 'streaming' && last.text !== ''
  return toolCallOf(last)?.result === undefined
}

export function Thinking() {
  return (
    <Group gap="xs">
      <Loader type="dots" size="sm" aria-hidden />
      <Text size="sm" c="dimmed">
        Thinking…
      </Text>
    </Group>
  )
}

function Ending({ message, text, onRetry }: { message: RunMessage; text: string; onRetry?: () => void }) {
  const { status, error_code, error_title, error_action } = message.metadata ?? {}
  if (status === 'running') return <Thinking />
  if (status === 'waiting')
    return (
      <Text size="sm" c="dimmed">
        The agent goes on when you have decided. You can also do that later, under Approvals.
      </Text>
    )
  if (status === 'cancelled') {
    return (
      <Group gap={6} c="dimmed">
        <IconPlayerStop size={16} aria-hidden />
        <Text size="sm">You stopped this answer.</Text>
      </Group>
    )
  }
  if (isPlanCode(error_code)) return <RefusalAlert refusal={describeRefusal(error_code)} onRetry={onRetry} />
  if (error_title) {
    return (
      <Alert color="red" variant="light" icon={<IconAlertTriangle aria-hidden />} title={error_title}>
        <Text size="sm">{error_action}</Text>
        {onRetry && (
          <Button
            size="xs"
            variant="default"
            mt="sm"
            leftSection={<IconRefresh size={15} aria-hidden />}
            onClick={onRetry}
          >
            Try again
          </Button>
        )}
      </Alert>
    )
  }
  if (text === '') {
    return (
      <Text size="sm" c="dimmed">
        The answer was empty.
      </Text>
    )
  }
  return null
}

function CopyAnswer({ text }: { text: string }) {
  return (
    <CopyState value={text} timeout={2000}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : 'Copy answer'}>
          <ActionIcon size="md" color="gray" aria-label={copied ? 'Copied' : 'Copy answer'} onClick={copy}>
            {copied ? <IconCheck size={17} aria-hidden /> : <IconCopy size={17} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyState>
  )
}

function OpenRun({ runId }: { runId: string }) {
  return (
    <Tooltip label="Details of this run">
      <IconLink to="/logs/$logId" params={{ logId: runId }} size="md" color="gray" aria-label="Details of this run">
        <IconListDetails size={17} aria-hidden />
      </IconLink>
    </Tooltip>
  )
}
