import { citationSchema, type RunMetadata, runMetadataSchema, runStepSchema } from './agent-log-schemas.ts'

/**
 * The JSON of `agent_logs.metadata` as the API shows it. A running row has none yet, and a row that an older version or
 * another program wrote may look different: what cannot be read is left out, so that one odd row never hides a list.
 */
export function readMetadata(value: unknown): RunMetadata {
  const known = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  const whole = runMetadataSchema.safeParse({ steps: [], citations: [], ...known })
  if (whole.success) return whole.data
  const { steps, citations } = known as { steps?: unknown; citations?: unknown }
  return {
    steps: readEach(steps, (item) => runStepSchema.safeParse(item).data),
    citations: readEach(citations, (item) => citationSchema.safeParse(item).data),
  }
}

function readEach<Item>(list: unknown, read: (item: unknown) => Item | undefined): Item[] {
  return Array.isArray(list) ? list.map(read).filter((item) => item !== undefined) : []
}
