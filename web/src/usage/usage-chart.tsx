import { BarChart } from '@mantine/charts'
import { Group, Paper, Text, useMatches } from '@mantine/core'
import type { UsagePoint } from './usage-ranges.ts'

interface Series {
  name: keyof UsagePoint
  label: string
  color: string
}

interface UsageChartProps {
  title: string
  /** The sum over the range, in words. */
  total: string
  points: UsagePoint[]
  series: Series[]
  format: (value: number) => string
  /** Whether the axis may have marks between whole numbers. */
  hasFractions?: boolean
}

const height = 230

/** Bars for the eye and the same numbers as a table for who cannot see them. */
export function UsageChart({ title, total, points, series, format, hasFractions = false }: UsageChartProps) {
  const maxTicks = useMatches({ base: 4, sm: 6 })
  return (
    <Paper withBorder p="md" component="figure" m={0} miw={0}>
      <Group justify="space-between" align="baseline" gap="xs" component="figcaption" mb="sm">
        <Text fw={600}>{title}</Text>
        <Text size="sm" c="dimmed">
          {total}
        </Text>
      </Group>
      <div aria-hidden>
        <BarChart
          h={height}
          data={points}
          dataKey="label"
          type="stacked"
          series={series}
          valueFormatter={format}
          withLegend={series.length > 1}
          legendProps={{ verticalAlign: 'bottom', height: 34 }}
          tickLine="none"
          gridAxis="x"
          // Nothing in here takes the focus: the table has the numbers.
          barChartProps={{ accessibilityLayer: false, margin: { top: 10, right: 12 } }}
          barProps={{ isAnimationActive: false, maxBarSize: 36 }}
          xAxisProps={{ ticks: ticksOf(points, maxTicks), interval: 0 }}
          // All marks: leaving some out would leave their lines out, too.
          yAxisProps={{ width: 56, allowDecimals: hasFractions, interval: 0 }}
        />
      </div>
      <table className="ax-visually-hidden">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            {series.map(({ name, label }) => (
              <th key={name} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points
            .filter((point) => series.some(({ name }) => Number(point[name]) > 0))
            .map((point) => (
              <tr key={point.label}>
                <th scope="row">{point.label}</th>
                {series.map(({ name }) => (
                  <td key={name}>{format(Number(point[name]))}</td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
    </Paper>
  )
}

/** At even distances, the newest among them. */
function ticksOf(points: readonly UsagePoint[], max: number): string[] {
  const step = Math.ceil(points.length / max)
  return points.filter((_, index) => (points.length - 1 - index) % step === 0).map(({ label }) => label)
}
