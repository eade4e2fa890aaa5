import type { Limits } from './limit-queries.ts'
import { limitWords } from './limit-words.ts'

/** What somebody is about to make. */
export type Wanted = 'user_agent' | 'api_key'

export interface Lack {
  title: string
  detail: string
  /** By switching an agent off. */
  canMakeRoom: boolean
}

/** Why the plan would refuse it, or null. The server decides; this says it earlier. */
export function findLack({ limits, switches }: Pick<Limits, 'limits' | 'switches'>, wanted: Wanted): Lack | null {
  if (wanted === 'api_key') {
    const hasKeys = limits.find(({ name }) => name === 'api_keys')?.limit !== 0
    if (switches.api !== false && hasKeys) return null
    return {
      title: 'Your plan does not include the API',
      detail: 'Keys can be made, and work, as soon as you have a plan with it.',
      canMakeRoom: false,
    }
  }
  const agents = limits.find(({ name }) => name === 'user_agents')
  if (!agents || agents.limit === null || (agents.used ?? 0) < agents.limit) return null
  const has = limitWords('user_agents').amount(agents.limit).replace(/^No /, 'no ')
  return {
    title: agents.limit === 0 ? `Your plan includes ${has}` : `Your plan includes ${has}, and that many are on`,
    detail:
      agents.limit === 0
        ? 'Another one has more.'
        : 'Switch one off, or take a larger plan, before you save this one. What you enter here is kept meanwhile.',
    canMakeRoom: agents.limit > 0,
  }
}
