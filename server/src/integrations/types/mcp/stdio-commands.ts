import { z } from 'zod'

const command = z.strictObject({
  title: z.string().min(1).max(100).optional(),
  command: z.string().min(1).max(1000),
  args: z.array(z.string().max(4000)).max(100).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(10_000)).default({}),
})

export type StdioCommands = Record<string, z.infer<typeof command>>

const shape = z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,49}$/), command)

/** Reads the operator's list of programs from JSON; users choose among them by name and change nothing about them. */
export const mcpStdioCommands = z
  .string()
  .default('{}')
  .transform((text, context): StdioCommands => {
    const parsed = shape.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    // What zod would say could repeat a secret of `env`, so the fault names the place alone.
    const places = parsed.error.issues.map((issue) => issue.path.join('.')).filter(Boolean)
    context.addIssue(
      `must be JSON such as {"files":{"command":"/usr/bin/mcp-files","args":["/srv"]}}${places.length > 0 ? `; look at ${places.join(', ')}` : ''}`,
    )
    return z.NEVER
  })

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
