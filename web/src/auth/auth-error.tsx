import { Alert, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { describeError } from '../ui/describe-error.ts'

interface AuthErrorProps {
  error: unknown
  /** Seconds until another try is worth it. */
  waitSeconds: number
}

export function AuthError({ error, waitSeconds }: AuthErrorProps) {
  const { title, detail } = describeError(error)
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={title} role="alert">
      <Text size="sm">{waitSeconds > 0 ? `You can try again in ${formatWait(waitSeconds)}.` : detail}</Text>
    </Alert>
  )
}

function formatWait(seconds: number): string {
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`
}
