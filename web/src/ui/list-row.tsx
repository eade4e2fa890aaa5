import { Group } from '@mantine/core'
import type { ReactNode } from 'react'

/** An entry of a list: what it is on the left, what can be done with it on the right. */
export function ListRow({ children }: { children: ReactNode }) {
  return (
    <Group
      component="li"
      justify="space-between"
      wrap="nowrap"
      gap="sm"
      py={8}
      style={{ borderTop: '1px solid var(--ax-line)' }}
    >
      {children}
    </Group>
  )
}
