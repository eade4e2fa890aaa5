import { isCountry } from '../../knowledge/concepts.ts'
import { genericWords, plainWords, stopWords } from '../../knowledge/languages.ts'
import { type Intent, isFollowUp, pointsBack, readIntents } from './read-intent.ts'
import { readKnowledge } from './read-results.ts'
import type { Turn } from './read-turn.ts'

export interface PlannedCall {
  toolName: string
  input: Record<string, string>
}

/** The tools to call next; none when it is time to answer. */
export function planToolCalls(turn: Turn): PlannedCall[] {
  if (turn.step === 0) {
    const calls = readIntents(turn.message).map((intent) => callFor(intent, turn))
    return calls.filter((call) => call !== undefined)
  }
  return planSecondSearch(turn)
}

function callFor(intent: Intent, { tools, message }: Turn): PlannedCall | undefined {
  const offered = (toolName: string, input: Record<string, string>) =>
    tools.has(toolName) ? { toolName, input } : undefined
  const search = (query: string) => offered('search_knowledge', { query })
  switch (intent.kind) {
    case 'calculate':
      return offered('calculator', { expression: intent.expression }) ?? search(message)
    case 'time':
      return offered('current_time', intent.timezone ? { timezone: intent.timezone } : {}) ?? search(message)
    case 'read-page':
      return offered('fetch_page', { url: intent.url }) ?? search(message)
    case 'write':
      return search(intent.topic)
    case 'find':
      return search(intent.query)
    case 'who-are-you':
      // An empty question finds nothing and so brings back the questions that can be asked.
      return search('')
    default:
      return undefined
  }
}

/** A follow-up that finds nothing by itself is searched once more together with the question before it. */
function planSecondSearch(turn: Turn): PlannedCall[] {
  if (turn.step > 1 || !turn.tools.has('search_knowledge')) return []
  const [intent, ...more] = readIntents(turn.message)
  if (intent?.kind !== 'find' || more.length > 0) return []
  const found = turn.results.flatMap((result) => readKnowledge(result)?.results ?? [])
  if (
    found.length > 0 ||
    turn.results.some((result) => result.toolName !== 'search_knowledge' || result.error !== null)
  )
    return []
  const before = earlierQuestion(turn)
  if (!before || !isFollowUp(turn.message, topicWords(turn))) return []
  return [{ toolName: 'search_knowledge', input: { query: `${before} ${turn.message}`.slice(0, 2000) } }]
}

/** The newest earlier message that asked something by itself; `null` when there is none. */
export function earlierQuestion(turn: Turn): string | null {
  for (const message of turn.earlierMessages) {
    const [intent] = readIntents(message)
    if (intent?.kind === 'find' && !pointsBack(message) && topicWords({ ...turn, message }) > 0) return message
  }
  return null
}

/** Words that say what the message is about; names of countries only say where. */
function topicWords({ message, language }: Turn): number {
  return plainWords(message).filter(
    (word) => word.length > 1 && !stopWords[language].has(word) && !genericWords.has(word) && !isCountry(word),
  ).length
}
