import { Button, Code, Paper, Table, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { formatCount, formatDuration } from '../../agent-logs/format-run.ts'
import { ErrorState } from '../../ui/error-state.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { Time } from '../../ui/time.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { CheckList } from './check-list.tsx'
import { bytesWords, checkSystem, type System, worstOf } from './system-checks.ts'
import { systemQuery } from './system-query.ts'

const title = 'System'

export function SystemPage() {
  return (
    <AdminOnly title={title}>
      <SystemState />
    </AdminOnly>
  )
}

const words = {
  good: 'All is well.',
  look: 'Nothing is broken; something is worth a look.',
  bad: 'Something needs you.',
}

function SystemState() {
  const { data, error, isFetching, refetch } = useQuery({ ...systemQuery, staleTime: 10_000, refetchInterval: 60_000 })
  const checks = data ? checkSystem(data, new Date()) : []
  return (
    <Page
      title={title}
      subtitle={data ? words[worstOf(checks)] : undefined}
      actions={
        <Button
          variant="default"
          onClick={() => void refetch()}
          loading={isFetching}
          leftSection={<IconRefresh size={17} aria-hidden />}
        >
          Look again
        </Button>
      }
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState label="Looking at the system" />}
      {data && (
        <>
          <CheckList checks={checks} />
          <Jobs jobs={data.jobs} />
          <Errors errors={data.errors} />
          <Tables tables={data.disk.tables} />
          <Servers servers={data.servers} />
        </>
      )}
    </Page>
  )
}

function Jobs({ jobs }: Pick<System, 'jobs'>) {
  return (
    <Sheet title="Jobs" columns={['Job', 'Ended well', 'Took', 'Last failure']}>
      {jobs.map((job) => (
        <Table.Tr key={job.name}>
          <Table.Th scope="row" fw={500}>
            {job.name}
          </Table.Th>
          <Table.Td>
            {job.is_running ? 'at work' : job.last_success_at ? <Time value={job.last_success_at} /> : 'not yet'}
          </Table.Td>
          <Table.Td>{job.duration_ms === null ? '–' : formatDuration(job.duration_ms)}</Table.Td>
          <Table.Td style={{ overflowWrap: 'anywhere' }}>
            {job.last_failure_at ? <Time value={job.last_failure_at} /> : 'never'}
            {job.failure && `: ${job.failure}`}
          </Table.Td>
        </Table.Tr>
      ))}
    </Sheet>
  )
}

function Errors({ errors }: Pick<System, 'errors'>) {
  if (errors.length === 0) return null
  return (
    <Sheet title="Last errors of this server" columns={['When', 'What', 'Request']}>
      {errors.map((entry, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two errors can be alike in everything, and none ever moves alone.
        <Table.Tr key={`${entry.at} ${index}`}>
          <Table.Td style={{ whiteSpace: 'nowrap' }}>
            <Time value={entry.at} isExact />
          </Table.Td>
          <Table.Td style={{ overflowWrap: 'anywhere' }}>
            {entry.message}
            {entry.error && (
              <Text size="xs" c="dimmed">
                {entry.error}
              </Text>
            )}
          </Table.Td>
          <Table.Td>{entry.request_id ? <Code>{entry.request_id}</Code> : '–'}</Table.Td>
        </Table.Tr>
      ))}
    </Sheet>
  )
}

function Tables({ tables }: Pick<System['disk'], 'tables'>) {
  if (tables.length === 0) return null
  return (
    <Sheet title="What takes room in the database" columns={['Table', 'Size', 'Rows, about']}>
      {tables.map((table) => (
        <Table.Tr key={table.name}>
          <Table.Th scope="row" fw={500}>
            {table.name}
          </Table.Th>
          <Table.Td>{bytesWords(table.bytes)}</Table.Td>
          <Table.Td>{formatCount(table.rows)}</Table.Td>
        </Table.Tr>
      ))}
    </Sheet>
  )
}

function Servers({ servers }: Pick<System, 'servers'>) {
  return (
    <Sheet title="Servers" columns={['Server', 'Started', 'Last sign of life']}>
      {servers.map((server) => (
        <Table.Tr key={server.id}>
          <Table.Th scope="row" fw={500}>
            <Code>{server.id.slice(-12)}</Code>
            {server.is_this && ' (this one)'}
          </Table.Th>
          <Table.Td>
            <Time value={server.started_at} />
          </Table.Td>
          <Table.Td>
            <Time value={server.heartbeat_at} />
            {!server.is_alive && ', stopped'}
          </Table.Td>
        </Table.Tr>
      ))}
    </Sheet>
  )
}

function Sheet({ title: caption, columns, children }: { title: string; columns: string[]; children: ReactNode }) {
  return (
    <Paper withBorder p="md" miw={0}>
      <Table.ScrollContainer minWidth={520} scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': caption } }}>
        <Table verticalSpacing="xs" captionSide="top">
          <Table.Caption mt={0} mb={4} ta="left">
            <Text fw={600} c="var(--mantine-color-text)" component="span">
              {caption}
            </Text>
          </Table.Caption>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th key={column} scope="col">
                  {column}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{children}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  )
}
