import { Badge, VisuallyHidden } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { pendingApprovalsQuery } from './approval-queries.ts'

/** How many decisions wait; nothing while there are none. */
export function ApprovalCount() {
  const { data } = useInfiniteQuery(pendingApprovalsQuery)
  const count = data?.pages.at(-1)?.total ?? 0
  if (count === 0) return null
  return (
    <Badge color="honey" size="md">
      {/* The server counts to 100. */}
      {count < 100 ? count : '99+'}
      <VisuallyHidden> waiting</VisuallyHidden>
    </Badge>
  )
}
