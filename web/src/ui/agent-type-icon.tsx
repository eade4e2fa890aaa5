import { ThemeIcon } from '@mantine/core'
import { lookOfType } from './agent-type.ts'

/** The picture of a type of agent; decoration, its name stands beside it. */
export function AgentTypeIcon({ type, size = 44 }: { type: string; size?: number }) {
  const { icon: IconShape, color } = lookOfType(type)
  return (
    <ThemeIcon size={size} radius="md" variant="light" color={color} aria-hidden>
      <IconShape size={Math.round(size * 0.55)} stroke={1.6} />
    </ThemeIcon>
  )
}
