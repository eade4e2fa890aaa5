import { Grid, Group, NativeSelect, Paper, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconChartBar } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { userAgentNamesQuery } from '../agent-logs/agent-log-queries.ts'
import { countOf, formatCost, formatCount, formatDuration } from '../agent-logs/format-run.ts'
import { api } from '../api.ts'
import { AmountChart } from '../ui/amount-chart.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { CostCap } from './cost-cap.tsx'
import { MonthForecast } from './month-forecast.tsx'
import { rangeWords, toPoints, toUsageQuery, type Usage, type UsageRange, usageRanges } from './usage-ranges.ts'
import { costOf, UsageTable } from './usage-table.tsx'

/** How much ran, how it went and what it cost; range and agent stand in the address. */
export function UsagePage() {
  const navigate = useNavigate()
  const search = useSearch({ from: '/signed-in/usage' })
  const range = usageRanges.find((one) => one === search.range) ?? 'month'
  const userAgentId = search.user_agent_id
  const names = useQuery(userAgentNamesQuery).data ?? []
  const set = (change: typeof search) =>
    void navigate({ to: '/usage', search: { ...search, ...change }, replace: true, resetScroll: false })
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['usage', range, userAgentId ?? 'all'],
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    queryFn: async ({ signal }) => {
      const query = { ...toUsageQuery(range, new Date()), user_agent_id: userAgentId }
      const [byAgent, byModel] = await Promise.all([
        api('GET /api/v1/usage', { query: { ...query, group: 'user_agent' }, signal }),
        api('GET /api/v1/usage', { query: { ...query, group: 'model' }, signal }),
      ])
      // The range it was asked for: what is still shown of the one before keeps its own.
      return { byAgent, byModel, range }
    },
  })
  return (
    <Page
      title="Usage"
      subtitle="What your agents did, and what it cost. Runs count also when their logs are gone."
      width={1240}
    >
      <Stack gap="md">
        <Grid gap="md">
          <Grid.Col span={{ base: 12, md: 7, lg: 8 }}>
            <MonthForecast />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5, lg: 4 }}>
            <CostCap />
          </Grid.Col>
        </Grid>
        <Group gap="md" align="flex-end">
          <SegmentedControl
            aria-label="Time"
            value={range}
            onChange={(value) => set({ range: value })}
            data={usageRanges.map((value) => ({ value, label: rangeWords[value] }))}
          />
          <NativeSelect
            aria-label="Agent"
            value={userAgentId ?? ''}
            onChange={(event) => set({ user_agent_id: event.currentTarget.value || undefined })}
            data={[{ value: '', label: 'All agents' }, ...names.map(({ id, name }) => ({ value: id, label: name }))]}
          />
        </Group>
        {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
        {!error && !data && <LoadingState label="Loading the usage" shape="cards" />}
        {data && <UsageView {...data} />}
      </Stack>
    </Page>
  )
}

function UsageView({ byAgent, byModel, range }: { byAgent: Usage; byModel: Usage; range: UsageRange }) {
  const { total } = byAgent
  if (total.runs === 0) {
    return (
      <EmptyState
        icon={IconChartBar}
        title="Nothing ran in this time"
        action={<ButtonLink to="/my-agents">Go to my agents</ButtonLink>}
      >
        As soon as one of your agents answers, here or over the API, you see how often, how fast and for how much.
      </EmptyState>
    )
  }
  const points = toPoints(byAgent, range)
  const tokens = total.input_tokens + total.output_tokens
  const ended = total.runs - total.running
  return (
    <>
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <Figure label="Runs" value={formatCount(total.runs)} note={`${formatCount(total.failed)} failed`} />
        <Figure
          label="Succeeded"
          value={ended > 0 ? `${Math.floor((total.succeeded / ended) * 100)} %` : '–'}
          note={`of ${countOf(ended, 'ended run')}`}
        />
        <Figure
          label="Average time"
          value={total.latency_ms === null ? '–' : formatDuration(total.latency_ms)}
          note="from question to answer"
        />
        <Figure
          label="Cost"
          value={costOf(total)}
          note={
            total.unpriced_runs > 0 ? `${countOf(total.unpriced_runs, 'run')} without a known price` : 'by list prices'
          }
        />
      </SimpleGrid>
      <AmountChart
        isStacked
        hidesEmpty
        title="Runs"
        total={countOf(total.runs, 'run')}
        points={points}
        format={formatCount}
        series={[
          { name: 'succeeded', label: 'Succeeded', color: 'spruce.6' },
          { name: 'failed', label: 'Failed', color: 'red.7' },
          { name: 'other', label: 'Other', color: 'gray.5' },
        ]}
      />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        {tokens > 0 && (
          <AmountChart
            isStacked
            hidesEmpty
            title="Tokens"
            total={formatCount(tokens)}
            points={points}
            format={formatCount}
            series={[
              { name: 'input_tokens', label: 'Read', color: 'spruce.5' },
              { name: 'output_tokens', label: 'Written', color: 'honey.5' },
            ]}
          />
        )}
        {total.cost_usd > 0 && (
          <AmountChart
            isStacked
            hidesEmpty
            title="Cost"
            hasFractions
            total={costOf(total)}
            points={points}
            format={formatCost}
            series={[{ name: 'cost_usd', label: 'Cost', color: 'spruce.6' }]}
          />
        )}
        <UsageTable title="By agent" groups={byAgent.groups} unknown="An agent that was deleted" />
        <UsageTable title="By model" groups={byModel.groups} unknown="Not known" />
      </SimpleGrid>
    </>
  )
}

function Figure({ label, value, note }: { label: string; value: string; note: string }) {
  return (
    <Paper withBorder p="md">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={26} fw={650} lh={1.3}>
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {note}
      </Text>
    </Paper>
  )
}
