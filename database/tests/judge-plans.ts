import { expect } from 'vitest'
import type { ExplainedStatement, PlanNode } from '../../server/src/testing/explain-statements.ts'

/** What a statement may do. What is not named has the bound of a page of a list, read by its index. */
export interface Limits {
  /** Partitions that rows are looked for in; the rest is left out when planning or starting. */
  partitions?: number
  /** The index that logs are read by. */
  index?: RegExp
  /** Rows of the log that one statement looks at. */
  logRows?: number
  /** Rows of any other table that one statement looks at. */
  rows?: number
  /** Tables that it may read from the first row to the last, because it is about all of them. */
  whole?: readonly string[]
  /** Rows that go through a sort. */
  sorted?: number
  /** Pages of memory that one statement touches, 8 kB each. */
  buffers?: number
}

/** Plans of a database this small may read tables as a whole that have no more rows than this. */
const fewRows = 1000
/** A page, with the row that tells whether there is a next one. */
export const pageRows = 201

interface Reading {
  table: string
  index: string | undefined
  node: string
  rows: number
  /** Of the longest single reading. */
  rowsAtOnce: number
}

/** Every node that read a table, with all rows it looked at. */
function readingsOf(plan: PlanNode): Reading[] {
  const below = (plan.Plans ?? []).flatMap(readingsOf)
  const loops = plan['Actual Loops']
  if (loops === 0) return below
  const index = plan['Index Name']
  const rowsAtOnce = plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)
  const rows = rowsAtOnce * loops
  // A bitmap names its index one level below.
  if (plan['Node Type'] === 'Bitmap Heap Scan')
    return [{ table: tableOf(plan), index: undefined, node: 'Bitmap', rows, rowsAtOnce }, ...below]
  if (!plan['Relation Name'] || !/Scan/.test(plan['Node Type'])) return below
  return [{ table: tableOf(plan), index, node: plan['Node Type'], rows, rowsAtOnce }, ...below]
}

const tableOf = (plan: PlanNode) => plan['Relation Name'] ?? ''
const isOfLogs = ({ table }: Reading) => /^agent_logs_(\d|default)/.test(table)

/** Rows that went into the largest sort. */
function sortedRows(plan: PlanNode): number {
  const below = (plan.Plans ?? []).map((one) =>
    Math.max(sortedRows(one), /Sort/.test(plan['Node Type']) ? one['Actual Rows'] * one['Actual Loops'] : 0),
  )
  return Math.max(0, ...below)
}

/** Fails unless every statement stayed within the limits, with a plan for its values and with one for all values. */
export function judge(statements: ExplainedStatement[], limits: Limits): void {
  expect(statements.length).toBeGreaterThan(0)
  for (const { text, generic, custom } of statements) {
    for (const [mode, explained] of Object.entries({ generic, custom }))
      if (explained) judgePlan(explained.Plan, limits, `${mode}: ${text}`)
  }
}

function judgePlan(plan: PlanNode, limits: Limits, about: string): void {
  const { partitions = Infinity, index = /./, logRows = pageRows * 2, rows: most = 5000, whole = [] } = limits
  const { sorted = pageRows, buffers = 2000 } = limits
  const readings = readingsOf(plan)
  const ofLogs = readings.filter(isOfLogs)
  const ofOthers = readings.filter((one) => !isOfLogs(one))
  const seen = readings.filter(
    ({ node, rowsAtOnce, table }) => node === 'Seq Scan' && rowsAtOnce > fewRows && !whole.includes(table),
  )
  expect(seen, `read as a whole, ${about}`).toEqual([])
  expect(sortedRows(plan), `rows sorted, ${about}`).toBeLessThanOrEqual(sorted)
  expect(new Set(ofLogs.map(({ table }) => table)).size, `partitions, ${about}`).toBeLessThanOrEqual(partitions)
  for (const one of ofLogs.filter(({ rows }) => rows > 0)) expect(`${one.index}`, about).toMatch(index)
  expect(sumOf(ofLogs), `rows of the log, ${about}`).toBeLessThanOrEqual(logRows)
  expect(sumOf(ofOthers), `rows of other tables, ${about}`).toBeLessThanOrEqual(most)
  const touched = (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
  expect(touched, `buffers, ${about}`).toBeLessThanOrEqual(buffers)
}

const sumOf = (readings: Reading[]) => readings.reduce((sum, { rows }) => sum + rows, 0)
