import { Badge, VisuallyHidden } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { pendingApprovalsQuery } from './approval-queries.ts'

/** How many decisions wait; nothing while there are none. */
export function ApprovalCount() {
  const { data } = useInfiniteQuery(pendingApprovalsQuery)
  const count = data?.pages.reduce((sum, page) => sum + page.data.length, 0) ?? 0
  if (count === 0) return null
  const hasMore = data?.pages.at(-1)?.next_cursor !== null
  return (
    <Badge color="honey" size="md">
      {count}
      {hasMore && '+'}
      <VisuallyHidden> waiting</VisuallyHidden>
    </Badge>
  )
}
