import { Group, Paper, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { formatCost, formatCount } from '../agent-logs/format-run.ts'
import { api } from '../api.ts'
import { limitsQuery } from '../limits/limit-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { ForecastChart } from './forecast-chart.tsx'
import { describeForecast, type Forecast, type Measure, monthName, toForecastPoints } from './forecast-points.ts'
import type { Usage } from './usage-ranges.ts'

/** The present month to its end: figures, words and a line that goes on dashed. */
export function MonthForecast() {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['usage', 'forecast'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const forecast = await api('GET /api/v1/usage/forecast', { signal })
      const query = { from: `${forecast.month}T00:00:00.000Z`, by: 'day', time_zone: 'UTC' } as const
      // On the very first moment of a month there is nothing before now to ask for.
      if (forecast.runs === 0 && forecast.cost_usd === 0) return { forecast, rows: [] }
      return { forecast, rows: (await api('GET /api/v1/usage', { query, signal })).data }
    },
  })
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />
  if (!data) return <LoadingState shape="text" label="Loading the month" />
  return <Month {...data} />
}

function Month({ forecast, rows }: { forecast: Forecast; rows: Usage['data'] }) {
  const limits = useQuery(limitsQuery).data?.limits ?? []
  const [measure, setMeasure] = useState<Measure>('runs')
  const limitOf = (...names: string[]) => {
    const found = limits.filter(({ name, limit }) => names.includes(name) && limit !== null)
    return found.length === 0 ? null : Math.min(...found.map(({ limit }) => limit ?? Infinity))
  }
  const runsLimit = limitOf('runs_per_month')
  const words = describeForecast(forecast, runsLimit)
  const isMoney = measure === 'cost_usd'
  return (
    <Paper withBorder p="md" component="figure" m={0} miw={0}>
      <Stack gap="md">
        <Group justify="space-between" gap="xs">
          <Text fw={600} component="figcaption">
            This month
          </Text>
          {forecast.cost_usd > 0 && (
            <SegmentedControl
              size="xs"
              aria-label="What the line shows"
              value={measure}
              onChange={(value) => setMeasure(value === 'cost_usd' ? 'cost_usd' : 'runs')}
              data={[
                { value: 'runs', label: 'Runs' },
                { value: 'cost_usd', label: 'Model cost' },
              ]}
            />
          )}
        </Group>
        <SimpleGrid cols={2} spacing="md">
          <Figure label="So far" runs={forecast.runs} cost={forecast.cost_usd} />
          <Figure
            label={`Expected at the end of ${monthName(forecast.month)}`}
            runs={forecast.runs_at_month_end}
            cost={forecast.cost_usd_at_month_end}
            isAbout
          />
        </SimpleGrid>
        <Group justify="space-between" gap="sm">
          <Text size="sm" flex="1 1 260px">
            {words.sentence}
          </Text>
          {words.isShort && (
            <ButtonLink to="/plans" size="xs">
              See larger plans
            </ButtonLink>
          )}
        </Group>
        {forecast.runs > 0 && (
          <ForecastChart
            title={isMoney ? 'Model cost added up by day' : 'Runs added up by day'}
            points={toForecastPoints(forecast, rows, measure)}
            format={isMoney ? formatCost : (value) => formatCount(Math.round(value))}
            hasFractions={isMoney}
            limit={isMoney ? limitOf('cost_cap', 'cost_usd_per_month') : runsLimit}
          />
        )}
      </Stack>
    </Paper>
  )
}

interface FigureProps {
  label: string
  runs: number
  cost: number
  /** A guess, and said to be one. */
  isAbout?: boolean
}

function Figure({ label, runs, cost, isAbout = false }: FigureProps) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={26} fw={650} lh={1.3}>
        {isAbout && runs > 0 && <span className="ax-visually-hidden">about </span>}
        {isAbout && runs > 0 && <span aria-hidden>≈ </span>}
        {formatCount(runs)} {runs === 1 ? 'run' : 'runs'}
      </Text>
      <Text size="sm" c="dimmed">
        {formatCost(cost)} of model cost
      </Text>
    </div>
  )
}
