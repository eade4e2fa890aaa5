import { LineChart } from '@mantine/charts'
import { Box, useMatches } from '@mantine/core'
import type { ForecastPoint } from './forecast-points.ts'

interface ForecastChartProps {
  title: string
  points: ForecastPoint[]
  format: (value: number) => string
  hasFractions: boolean
  /** Drawn as a line, where it is near enough to matter. */
  limit: number | null
}

/** The month so far as a line and what is to come dashed, with the same numbers as a table for who cannot see them. */
export function ForecastChart({ title, points, format, hasFractions, limit }: ForecastChartProps) {
  const step = useMatches({ base: 7, sm: 3 })
  const most = Math.max(0, ...points.map(({ so_far, expected }) => Math.max(so_far ?? 0, expected ?? 0)))
  // A limit far above would press everything else down to the ground.
  const isNear = limit !== null && limit > 0 && limit <= most * 1.6
  return (
    <Box miw={0}>
      <div aria-hidden>
        <LineChart
          h={220}
          data={points}
          dataKey="label"
          curveType="linear"
          connectNulls={false}
          withDots={false}
          strokeWidth={2.5}
          series={[
            { name: 'so_far', label: 'So far', color: 'spruce.6' },
            { name: 'expected', label: 'Expected', color: 'honey.6', strokeDasharray: '6 5' },
          ]}
          valueFormatter={format}
          withLegend
          legendProps={{ verticalAlign: 'bottom', height: 34 }}
          tickLine="none"
          gridAxis="x"
          referenceLines={isNear ? [{ y: limit, label: `Limit ${format(limit)}`, color: 'red.7' }] : []}
          lineChartProps={{ accessibilityLayer: false, margin: { top: 18, right: 12 } }}
          lineProps={{ isAnimationActive: false }}
          xAxisProps={{ ticks: ticksOf(points, step), interval: 0 }}
          yAxisProps={{
            width: 56,
            allowDecimals: hasFractions,
            domain: [0, (largest: number) => Math.max(largest, isNear ? limit : 0, hasFractions ? 0.01 : 1)],
          }}
        />
      </div>
      <table className="ax-visually-hidden">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">So far</th>
            <th scope="col">Expected</th>
          </tr>
        </thead>
        <tbody>
          {points.map(({ label, so_far, expected }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td>{so_far === null ? '–' : format(so_far)}</td>
              <td>{expected === null ? '–' : format(expected)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Box>
  )
}

function ticksOf(points: readonly ForecastPoint[], step: number): string[] {
  return points.filter((_, index) => index % step === 0).map(({ label }) => label)
}
