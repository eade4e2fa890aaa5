import { Skeleton } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { ApprovalCard, type Decision } from '../approvals/approval-card.tsx'
import { approvalQuery } from '../approvals/approval-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'

interface ChatApprovalProps {
  approvalId: string
  onDecide: (decision: Decision) => Promise<unknown>
}

/** What a run asks for, in its conversation. Read anew from the server, which knows whether it was decided elsewhere. */
export function ChatApproval({ approvalId, onDecide }: ChatApprovalProps) {
  const queryClient = useQueryClient()
  const query = useQuery(approvalQuery(approvalId))
  if (query.isPending) return <Skeleton h={160} radius="md" role="status" aria-label="Loading what it asks for" />
  if (query.isError && !query.data)
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
  const decide = async (decision: Decision) => {
    try {
      await onDecide(decision)
    } finally {
      void queryClient.invalidateQueries({ queryKey: approvalQuery(approvalId).queryKey })
    }
  }
  return <ApprovalCard approval={query.data} onDecide={decide} />
}
