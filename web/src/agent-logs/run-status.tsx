import { Badge } from '@mantine/core'
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconHandStop,
  IconPlayerStop,
  IconProgress,
  type TablerIcon,
} from '@tabler/icons-react'
import type { AgentLogSummary } from '../../../api-client/src/api-types.ts'

type Status = AgentLogSummary['status']

export const statusWords: Record<Status, string> = {
  succeeded: 'Succeeded',
  failed: 'Failed',
  running: 'Running',
  waiting: 'Waits for you',
  cancelled: 'Cancelled',
  interrupted: 'Interrupted',
}

const looks: Record<Status, { icon: TablerIcon; color: string }> = {
  succeeded: { icon: IconCircleCheck, color: 'green' },
  failed: { icon: IconCircleX, color: 'red' },
  running: { icon: IconProgress, color: 'blue' },
  waiting: { icon: IconHandStop, color: 'honey' },
  cancelled: { icon: IconPlayerStop, color: 'gray' },
  interrupted: { icon: IconAlertTriangle, color: 'orange' },
}

/** The word keeps the contrast of normal text; only the icon, which repeats it, is coloured. */
export function RunStatus({ status }: { status: Status }) {
  const { icon: Icon, color } = looks[status]
  return (
    <Badge
      variant="default"
      tt="none"
      fw={500}
      leftSection={<Icon size={14} color={`var(--mantine-color-${color}-filled)`} aria-hidden />}
    >
      {statusWords[status]}
    </Badge>
  )
}
