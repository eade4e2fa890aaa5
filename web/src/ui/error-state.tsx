import { Alert, Button, Code, Group, Text } from '@mantine/core'
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { readPlanRefusal } from '../limits/plan-refusal.ts'
import { RefusalAlert } from '../limits/refusal-alert.tsx'
import { describeError } from './describe-error.ts'

interface ErrorStateProps {
  error: unknown
  onRetry?: () => void
  isRetrying?: boolean
}

/** What happened, what to do next, and the request id to give to the operator. */
export function ErrorState({ error, onRetry, isRetrying }: ErrorStateProps) {
  const refusal = readPlanRefusal(error)
  if (refusal) return <RefusalAlert refusal={refusal} onRetry={onRetry} />
  const { title, detail, requestId } = describeError(error)
  // What is not there or not allowed will not come by asking again.
  const isFinal = error instanceof ApiError && (error.status === 404 || error.status === 403)
  return (
    <Alert
      color={isFinal ? 'honey' : 'red'}
      variant="light"
      icon={<IconAlertTriangle aria-hidden />}
      title={title}
      role="alert"
      radius="lg"
    >
      <Text size="sm">{detail}</Text>
      {!isFinal && (onRetry || requestId) && (
        <Group mt="sm" gap="md">
          {onRetry && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconRefresh size={15} aria-hidden />}
              onClick={onRetry}
              loading={isRetrying}
            >
              Try again
            </Button>
          )}
          {requestId && (
            <Text size="xs" c="dimmed">
              Request id <Code>{requestId}</Code>
            </Text>
          )}
        </Group>
      )}
    </Alert>
  )
}
