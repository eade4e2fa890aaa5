import { Alert, Group, Loader, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react'
import type { TestState } from './use-connection-test.ts'

/** How the test of a connection goes. The region stays in the page, so that screen readers hear what comes into it. */
export function TestResult({ state }: { state: TestState | null }) {
  return (
    <div role="status">
      {state?.kind === 'testing' && (
        <Group gap="sm" wrap="nowrap">
          <Loader size={18} aria-hidden />
          <Text size="sm">{state.message}</Text>
        </Group>
      )}
      {state && state.kind !== 'testing' && (
        <Alert
          color={state.kind === 'works' ? 'spruce' : 'red'}
          variant="light"
          title={state.kind === 'works' ? 'It works' : 'It does not work'}
          icon={state.kind === 'works' ? <IconCircleCheck aria-hidden /> : <IconAlertTriangle aria-hidden />}
        >
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {state.message}
          </Text>
        </Alert>
      )}
    </div>
  )
}
