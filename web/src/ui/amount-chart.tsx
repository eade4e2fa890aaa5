import '@mantine/charts/styles.css'
import { BarChart } from '@mantine/charts'
import { Group, Paper, Text, useMatches } from '@mantine/core'

export type AmountPoint = { label: string } & Record<string, number | string>

interface AmountChartProps {
  title: string
  /** What it comes to, in words. */
  total: string
  points: AmountPoint[]
  series: { name: string; label: string; color: string }[]
  format: (value: number) => string
  /** Stacked: parts of a whole, or what comes above and what goes below the line; else side by side. */
  isStacked?: boolean
  /** Whether the axis may have marks between whole numbers. */
  hasFractions?: boolean
  /** Leaves periods without anything out of the table, where most are. */
  hidesEmpty?: boolean
}

/** Bars for the eye and the same numbers as a table for who cannot see them. */
export function AmountChart(props: AmountChartProps) {
  const { title, total, points, series, format, isStacked = false, hasFractions = false, hidesEmpty } = props
  const rows = hidesEmpty ? points.filter((point) => series.some(({ name }) => Number(point[name]) !== 0)) : points
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
          h={220}
          data={points}
          dataKey="label"
          type={isStacked ? 'stacked' : 'default'}
          series={series}
          valueFormatter={format}
          withLegend={series.length > 1}
          legendProps={{ verticalAlign: 'bottom', height: 34 }}
          tickLine="none"
          gridAxis="x"
          // Nothing in here takes the focus: the table has the numbers.
          barChartProps={{
            accessibilityLayer: false,
            margin: { top: 10, right: 12 },
            stackOffset: isStacked ? 'sign' : undefined,
          }}
          barProps={{ isAnimationActive: false, maxBarSize: 36 }}
          xAxisProps={{ ticks: ticksOf(points, maxTicks), interval: 0 }}
          // All marks: leaving some out would leave their lines out, too.
          yAxisProps={{ width: 64, allowDecimals: hasFractions, interval: 0 }}
        />
      </div>
      {/* A table itself does not shrink to the one pixel of what is hidden. */}
      <div className="ax-visually-hidden">
        <table>
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
            {rows.map((point) => (
              <tr key={point.label}>
                <th scope="row">{point.label}</th>
                {series.map(({ name }) => (
                  <td key={name}>{format(Number(point[name] ?? 0))}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Paper>
  )
}

/** At even distances, the newest among them. */
function ticksOf(points: readonly AmountPoint[], max: number): string[] {
  const step = Math.ceil(points.length / max)
  return points.filter((_, index) => (points.length - 1 - index) % step === 0).map(({ label }) => label)
}
