import { Paper, Text } from '@mantine/core'
import type { ReactNode } from 'react'

interface FigureProps {
  label: string
  value: ReactNode
  /** What it stands beside, or where it leads. */
  note?: ReactNode
}

/** One number that matters. */
export function Figure({ label, value, note }: FigureProps) {
  return (
    <Paper withBorder p="md" miw={0}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={26} fw={650} lh={1.3} component="div" style={{ overflowWrap: 'anywhere' }}>
        {value}
      </Text>
      {note && (
        <Text size="xs" c="dimmed" component="div">
          {note}
        </Text>
      )}
    </Paper>
  )
}
