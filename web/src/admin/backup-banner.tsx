import { Alert, Text } from '@mantine/core'
import { IconDatabaseExclamation } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { systemQuery } from './system/system-query.ts'

/** Tells admins, on every page, that nobody could be sure of a restore any more. */
export function BackupBanner() {
  const { data } = useQuery(systemQuery)
  if (!data?.backups.overdue) return null
  return (
    <Alert color="red" icon={<IconDatabaseExclamation />} title="Backups are overdue" mb="lg" role="status">
      {data.backups.problems.map((problem) => (
        <Text key={problem} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {problem}
        </Text>
      ))}
    </Alert>
  )
}
