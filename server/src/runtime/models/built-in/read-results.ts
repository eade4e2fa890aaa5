import { z } from 'zod'
import type { TurnResult } from './read-turn.ts'

const knowledgeSchema = z.object({
  results: z.array(
    z.object({ number: z.number(), title: z.string(), path: z.string(), excerpt: z.string(), score: z.number() }),
  ),
  closest_questions: z.array(z.string()),
  contact: z.array(z.string()),
  passages_searched: z.number(),
})
export type Knowledge = z.infer<typeof knowledgeSchema>

const calculationSchema = z.object({ expression: z.string(), result: z.number() })
const timeSchema = z.object({ iso: z.string(), timezone: z.string() })
const pageSchema = z.object({ url: z.string(), title: z.string(), text: z.string() })

// Results come back through the prompt, so nothing about their shape is taken for granted.
function reader<T>(toolName: string, schema: z.ZodType<T>) {
  return (result: TurnResult): T | undefined =>
    result.toolName === toolName && result.error === null ? schema.safeParse(result.output).data : undefined
}

export const readKnowledge = reader('search_knowledge', knowledgeSchema)
export const readCalculation = reader('calculator', calculationSchema)
export const readTime = reader('current_time', timeSchema)
export const readPage = reader('fetch_page', pageSchema)
