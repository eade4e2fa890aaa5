import { Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { api } from '../api.ts'
import { Confirm } from '../ui/confirm.tsx'
import { toastDone } from '../ui/toast.ts'
import { countOf } from './format-run.ts'
import type { LogQuery } from './log-filters.ts'

interface DeleteLogsProps {
  query: LogQuery
  isOpen: boolean
  onClose: () => void
  /** How many of the runs that fit are on the screen, and whether there are more. */
  known: number
  hasMore: boolean
}

/** Deletes what the present filter shows, also what is not loaded yet. */
export function DeleteLogs({ query, isOpen, onClose, known, hasMore }: DeleteLogsProps) {
  const queryClient = useQueryClient()
  const isAll = Object.keys(query).length === 0
  const remove = async () => {
    let deleted = 0
    let skipped = 0
    let hasMoreToDelete = true
    // The server deletes a bounded batch a request, so that no transaction grows without end.
    while (hasMoreToDelete) {
      const batch = await api('DELETE /api/v1/agent-logs', { query: { ...query, all: isAll ? 'true' : undefined } })
      deleted += batch.deleted
      skipped = batch.skipped_running
      hasMoreToDelete = batch.has_more && batch.deleted > 0
    }
    await queryClient.invalidateQueries({ queryKey: ['agent-logs'] })
    const left = skipped > 0 ? ` ${countOf(skipped, 'running run')} left alone.` : ''
    toastDone(`${countOf(deleted, 'run')} deleted.${left}`)
  }
  const amount = hasMore ? `more than ${countOf(known, 'run')}` : countOf(known, 'run')
  return (
    <Confirm
      isOpen={isOpen}
      onClose={onClose}
      title={isAll ? 'Delete all logs?' : 'Delete the logs of this filter?'}
      confirmLabel={isAll ? 'Delete all logs' : 'Delete these logs'}
      onConfirm={remove}
    >
      <Text size="sm">
        {isAll ? `Every run of yours goes: ${amount}.` : `Everything that fits the filter goes: ${amount}.`} Their
        questions, answers and steps are gone for good, and so are the conversations they belong to. Export them first
        if you may want them later. Runs that are still running stay.
      </Text>
    </Confirm>
  )
}
