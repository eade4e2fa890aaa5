import { z } from 'zod'
import { builtInTool, type RunTool } from './run-tool.ts'

const inputSchema = z.object({ query: z.string().max(2000) })

/** Offered by itself to agents with more tools than a model can keep apart; no agent names it. */
export function createFindToolsTool(toolCount: number): RunTool {
  return builtInTool({
    name: 'find_tools',
    title: 'Find a tool',
    description: `You have ${toolCount} tools and see only those that seem to fit. This finds others by what they do, such as "create an issue", and you can call what it finds in your next step.`,
    inputSchema: {
      type: 'object',
      properties: { query: { type: 'string', maxLength: 2000, description: 'What the tool should do' } },
      required: ['query'],
      additionalProperties: false,
    },
    async execute(input, { findTools }) {
      const found = findTools(inputSchema.parse(input).query)
      return { found: found.map(({ name, title }) => ({ name, title })) }
    },
  })
}
