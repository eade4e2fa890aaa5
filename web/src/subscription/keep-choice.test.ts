import { expect, test } from 'vitest'
import { choicesOf, firstKeep, keepFaults, type MustChoose } from './keep-choice.ts'

const agent = (id: string, accounts = 0) => ({ id, name: id, is_active: true, accounts })
const key = (id: string) => ({ id, name: id, last_used_at: null })
const choose: MustChoose = {
  user_agents: { limit: 2, accounts_limit: 2, items: [agent('a', 1), agent('b', 2), agent('c', 1), agent('d')] },
  api_keys: { limit: 1, items: [key('k'), key('l')] },
}

test('what fits is chosen at first, with the accounts counted together', () => {
  const keep = firstKeep(choose)
  expect(keep).toEqual({ user_agent_ids: ['a', 'c'], api_key_ids: ['k'] })
  expect(keepFaults(choose, keep)).toEqual([])
})

test('where there is no limit everything stays, and where there is room for nothing nothing does', () => {
  const items = choose.user_agents.items
  const open = { user_agents: { limit: null, accounts_limit: null, items }, api_keys: choose.api_keys }
  expect(firstKeep(open).user_agent_ids).toHaveLength(4)
  expect(firstKeep({ ...open, api_keys: { ...choose.api_keys, limit: 0 } }).api_key_ids).toEqual([])
  expect(firstKeep({ ...open, api_keys: { ...choose.api_keys, limit: null } }).api_key_ids).toEqual(['k', 'l'])
  expect(choicesOf(open)).toEqual({ agents: false, keys: true })
})

test('what is too much is said', () => {
  const faults = keepFaults(choose, { user_agent_ids: ['a', 'b', 'c'], api_key_ids: ['k', 'l'] })
  expect(faults).toEqual([
    '3 agents are chosen, 2 can stay on.',
    'The chosen agents have 4 connected accounts, 2 can stay.',
    '2 API keys are chosen, 1 can stay.',
  ])
})

test('agents have to be chosen also when only their accounts are too many', () => {
  const items = [agent('a', 2), agent('b', 1)]
  expect(choicesOf({ ...choose, user_agents: { limit: 5, accounts_limit: 2, items } }).agents).toBe(true)
})
