import { countOf } from '../../agent-logs/format-run.ts'
import { limitWords } from '../../limits/limit-words.ts'
import type { PlanImpact } from './plan-queries.ts'

/** The figures behind the sentence of an impact, each in words; nothing for what concerns nobody. */
export function impactWords({ subscribers, on_default, over_limit, takes_effect }: PlanImpact): string[] {
  const over = Object.entries(over_limit).filter(([, count]) => count > 0)
  return [
    ...(subscribers > 0
      ? [`${countOf(subscribers, 'subscriber')} ${subscribers === 1 ? 'has' : 'have'} this plan`]
      : []),
    ...(on_default > 0
      ? [`${countOf(on_default, 'user')} without a subscription ${on_default === 1 ? 'has' : 'have'} it`]
      : []),
    ...over.map(([name, count]) => overWords(name, count)),
    takes_effect === 'now'
      ? 'What it includes changes at once.'
      : 'Prices change for who subscribes from now on; everybody else keeps theirs.',
  ]
}

function overWords(name: string, count: number): string {
  const users = countOf(count, 'user')
  if (name === 'api') return `API keys of ${users} stop working`
  if (name === 'models') return `${users} ${count === 1 ? 'has' : 'have'} agents on models that are no longer in it`
  return `${users} ${count === 1 ? 'is' : 'are'} over the new limit of “${limitWords(name).title}”`
}
