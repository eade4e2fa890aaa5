import { z } from 'zod'
import { calculate } from './calculate.ts'
import { builtInTool, type RunTool } from './run-tool.ts'

const inputSchema = z.object({ expression: z.string().max(500) })

export function createCalculatorTool(): RunTool {
  return builtInTool({
    name: 'calculator',
    title: 'Calculate',
    description:
      'Calculates an expression exactly: + - * / ^ and parentheses; sqrt, abs, floor, ceil, round(x, places), min, max, sum, avg, ln, log10, mod(a, b); pi and e. Percentages: `19% of 250` is 47.5, `250 + 19%` is 297.5 and `250 - 20%` is 200; `a % b` between two values is the remainder. The decimal sign is a point; no thousands separators.',
    inputSchema: {
      type: 'object',
      properties: {
        expression: { type: 'string', maxLength: 500, description: 'For example (3 * 49.90 + 4.90) * 1.19' },
      },
      required: ['expression'],
      additionalProperties: false,
    },
    async execute(input) {
      const { expression } = inputSchema.parse(input)
      return { expression, result: calculate(expression) }
    },
  })
}
