import { SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { countOf, formatCost, formatCount } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { formatMoney } from '../../plans/money.ts'
import { AmountChart } from '../../ui/amount-chart.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { TextLink } from '../../ui/links.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { Time } from '../../ui/time.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { dayLabel } from '../chart-points.ts'
import { Figure } from '../figure.tsx'
import { PlanTable } from './plan-table.tsx'
import { churnWords, currenciesOf, moneyWords, mrrMove, type Revenue, toMonthPoints } from './revenue-figures.ts'
import { StateCounts } from './state-counts.tsx'
import { WaitingList } from './waiting.tsx'

const title = 'Overview'

export function OverviewPage() {
  return (
    <AdminOnly title={title}>
      <Overview />
    </AdminOnly>
  )
}

const revenueQuery = queryOptions({
  queryKey: ['admin-revenue'],
  staleTime: 60_000,
  queryFn: ({ signal }) => api('GET /api/v1/admin/revenue', { query: { months: 12 }, signal }),
})

function Overview() {
  const { data, error, isFetching, refetch } = useQuery(revenueQuery)
  return (
    <Page title={title} width={1240} subtitle="Whether all is well, and whether money comes in.">
      <section aria-labelledby="waiting">
        <Title order={2} size="h3" id="waiting" mb="sm">
          What waits for you
        </Title>
        <WaitingList />
      </section>
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState shape="cards" label="Counting" />}
      {data && <Money revenue={data} />}
      {data && <Runs revenue={data} />}
    </Page>
  )
}

function Money({ revenue }: { revenue: Revenue }) {
  const now = revenue.months.at(-1)
  const currencies = currenciesOf(revenue)
  const [main = 'USD'] = currencies
  return (
    <section aria-labelledby="money">
      <Title order={2} size="h3" id="money" mb="sm">
        Money and subscribers
      </Title>
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
          <Figure
            label="Monthly recurring revenue"
            value={moneyWords(now, 'mrr')}
            note={mrrMove(revenue.months, main)}
          />
          <Figure
            label="Paying"
            value={formatCount(now?.paying ?? 0)}
            note={`${formatCount(now?.new ?? 0)} new this month`}
          />
          <Figure label="Left this month" value={formatCount(now?.churned ?? 0)} note={`Churn ${churnWords(now)}`} />
          <Figure
            label="Income this month"
            value={moneyWords(now, 'income')}
            note={`expected; models cost ${formatCost(now?.model_cost_usd ?? 0)} so far`}
          />
        </SimpleGrid>
        <StateCounts states={revenue.states} />
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          {(currencies.length === 0 ? [main] : currencies).map((currency) => (
            <IncomeChart key={currency} revenue={revenue} currency={currency} />
          ))}
          <AmountChart
            title="New and gone"
            total={`${countOf(now?.paying ?? 0, 'subscriber')} now`}
            points={toMonthPoints(revenue.months, main)}
            isStacked
            format={formatCount}
            series={[
              { name: 'new', label: 'New', color: 'spruce.6' },
              { name: 'churned', label: 'Gone', color: 'red.7' },
            ]}
          />
        </SimpleGrid>
        {revenue.plans.length > 0 && <PlanTable plans={revenue.plans} />}
        <Text size="xs" c="dimmed">
          What is paid is spread over the days it is paid for. Trials, free and given plans earn nothing. Counted{' '}
          <Time value={revenue.at} />. Taxes and fees of Stripe are not taken off.
        </Text>
      </Stack>
    </section>
  )
}

/** Cost of models is always in US dollars: beside another currency it would compare what cannot be compared. */
function IncomeChart({ revenue, currency }: { revenue: Revenue; currency: string }) {
  const isDollar = currency === 'USD'
  return (
    <AmountChart
      title={isDollar ? 'Income and model cost' : `Income in ${currency}`}
      total={moneyOfYear(revenue, currency)}
      points={toMonthPoints(revenue.months, currency)}
      hasFractions
      format={(value) => formatMoney(value, currency)}
      series={[
        { name: 'income', label: 'Income', color: 'spruce.6' },
        ...(isDollar ? [{ name: 'cost', label: 'Model cost', color: 'honey.5' }] : []),
      ]}
    />
  )
}

function moneyOfYear({ months }: Revenue, currency: string): string {
  const cents = toMonthPoints(months, currency).reduce((sum, { income }) => sum + Math.round(income * 100), 0)
  return `${formatMoney(cents / 100, currency)} in ${countOf(months.length, 'month')}`
}

function Runs({ revenue }: { revenue: Revenue }) {
  const runs = revenue.days.reduce((sum, day) => sum + day.runs, 0)
  const unpriced = revenue.months.at(-1)?.unpriced_runs ?? 0
  const points = revenue.days.map((day) => ({
    label: dayLabel(day.day),
    succeeded: day.runs - day.failed,
    failed: day.failed,
    cost: day.cost_usd,
    users: day.users,
  }))
  const cost = revenue.days.reduce((sum, day) => sum + day.cost_usd, 0)
  return (
    <section aria-labelledby="runs">
      <Title order={2} size="h3" id="runs" mb="sm">
        Runs
      </Title>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <AmountChart
          title="Runs by day"
          total={`${countOf(runs, 'run')} in 30 days`}
          points={points}
          isStacked
          format={formatCount}
          series={[
            { name: 'succeeded', label: 'Went well', color: 'spruce.6' },
            { name: 'failed', label: 'Failed', color: 'red.7' },
          ]}
        />
        {cost > 0 ? (
          <AmountChart
            title="Model cost by day"
            total={`${formatCost(cost)} in 30 days`}
            points={points}
            hasFractions
            format={formatCost}
            series={[{ name: 'cost', label: 'Cost', color: 'honey.5' }]}
          />
        ) : (
          <AmountChart
            title="Users by day"
            total="who ran anything"
            points={points}
            format={formatCount}
            series={[{ name: 'users', label: 'Users', color: 'spruce.4' }]}
          />
        )}
      </SimpleGrid>
      {unpriced > 0 && (
        <Text size="sm" mt="sm">
          {countOf(unpriced, 'run')} of this month {unpriced === 1 ? 'has' : 'have'} no known price.{' '}
          <TextLink to="/admin/models">Set the prices</TextLink>
        </Text>
      )}
    </section>
  )
}
