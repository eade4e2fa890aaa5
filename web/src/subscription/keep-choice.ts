import type { Preview } from './subscription-queries.ts'

export type MustChoose = NonNullable<Preview['must_choose']>

/** What stays on when a plan with less begins. */
export interface Keep {
  user_agent_ids: string[]
  api_key_ids: string[]
}

/** What fits, the oldest first: a beginning that can be changed. */
export function firstKeep({ user_agents, api_keys }: MustChoose): Keep {
  const room = { agents: user_agents.limit ?? Infinity, accounts: user_agents.accounts_limit ?? Infinity }
  const user_agent_ids: string[] = []
  for (const { id, accounts } of user_agents.items) {
    if (room.agents < 1 || accounts > room.accounts) continue
    room.agents -= 1
    room.accounts -= accounts
    user_agent_ids.push(id)
  }
  const api_key_ids = api_keys.items.slice(0, api_keys.limit ?? undefined).map(({ id }) => id)
  return { user_agent_ids, api_key_ids }
}

/** What is too much, in words; empty when it fits. */
export function keepFaults({ user_agents, api_keys }: MustChoose, keep: Keep): string[] {
  const kept = user_agents.items.filter(({ id }) => keep.user_agent_ids.includes(id))
  const accounts = kept.reduce((sum, one) => sum + one.accounts, 0)
  const faults: string[] = []
  if (user_agents.limit !== null && kept.length > user_agents.limit)
    faults.push(`${kept.length} agents are chosen, ${user_agents.limit} can stay on.`)
  if (user_agents.accounts_limit !== null && accounts > user_agents.accounts_limit)
    faults.push(`The chosen agents have ${accounts} connected accounts, ${user_agents.accounts_limit} can stay.`)
  if (api_keys.limit !== null && keep.api_key_ids.length > api_keys.limit)
    faults.push(`${keep.api_key_ids.length} API keys are chosen, ${api_keys.limit} can stay.`)
  return faults
}

/** Whether there is anything to choose among the agents, or among the keys. */
export function choicesOf({ user_agents, api_keys }: MustChoose) {
  const accounts = user_agents.items.reduce((sum, one) => sum + one.accounts, 0)
  return {
    agents:
      (user_agents.limit !== null && user_agents.items.length > user_agents.limit) ||
      (user_agents.accounts_limit !== null && accounts > user_agents.accounts_limit),
    keys: api_keys.limit !== null && api_keys.items.length > api_keys.limit,
  }
}
