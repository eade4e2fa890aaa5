import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { lockLimits } from '../limits/require-in-plan.ts'
import type { PlanFeatures } from '../plans/plan-features.ts'
import type { Keep } from './subscription-schemas.ts'

export interface LiveUserAgent {
  id: string
  name: string
  is_active: boolean
  accounts: number
}

/** What of a user counts for the limits of a plan: agents that are on, keys that work. Oldest first. */
export interface LiveItems {
  userAgents: LiveUserAgent[]
  apiKeys: { id: string; name: string; last_used_at: Date | null }[]
}

export async function listLiveItems(tx: Tx, userId: string): Promise<LiveItems> {
  const userAgents = await tx
    .selectFrom('user_agents')
    .select(['id', 'name', 'is_active'])
    .select(sql<number>`(select count(*) from public.integrations where user_agent_id = user_agents.id)`.as('accounts'))
    .where('user_id', '=', userId)
    .where('is_active', '=', true)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  const apiKeys = await tx
    .selectFrom('api_keys')
    .select(['id', 'name', 'last_used_at'])
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return { userAgents, apiKeys }
}

/** What a plan has room for. Keys of a plan without the API do not work anyway: they are left for a plan that has it. */
export function readRoom({ limits, switches }: PlanFeatures) {
  return {
    userAgents: limits.user_agents ?? Number.POSITIVE_INFINITY,
    accounts: limits.integrations ?? Number.POSITIVE_INFINITY,
    apiKeys: switches.api ? (limits.api_keys ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
  }
}

const countAccounts = (userAgents: readonly LiveUserAgent[]) =>
  userAgents.reduce((sum, { accounts }) => sum + accounts, 0)

export function fitsUserAgents(userAgents: readonly LiveUserAgent[], features: PlanFeatures): boolean {
  const room = readRoom(features)
  return userAgents.length <= room.userAgents && countAccounts(userAgents) <= room.accounts
}

export function fitsApiKeys(count: number, features: PlanFeatures): boolean {
  return count <= readRoom(features).apiKeys
}

/** What stays on: what was chosen, as far as it fits; where nothing was chosen and not all fits, the oldest. */
export function chooseWhatStays(items: LiveItems, features: PlanFeatures, keep: Keep | null): Keep {
  const room = readRoom(features)
  const chosenAgents = keep && new Set(keep.user_agent_ids)
  const chosenKeys = keep && new Set(keep.api_key_ids)
  const user_agent_ids: string[] = []
  let accounts = 0
  for (const { id, accounts: more } of items.userAgents) {
    if (chosenAgents && !chosenAgents.has(id)) continue
    if (user_agent_ids.length >= room.userAgents || accounts + more > room.accounts) continue
    user_agent_ids.push(id)
    accounts += more
  }
  const api_key_ids = items.apiKeys
    .filter(({ id }) => !chosenKeys || chosenKeys.has(id))
    .slice(0, room.apiKeys === Number.POSITIVE_INFINITY ? undefined : room.apiKeys)
    .map(({ id }) => id)
  return { user_agent_ids, api_key_ids }
}

/**
 * Switches off what a plan that takes effect has no room for: nothing is deleted. Admins have no plan's limits. The answer
 * is what was switched off.
 */
export async function switchOffBeyondPlan(
  tx: Tx,
  userId: string,
  features: PlanFeatures,
  keep: Keep | null,
): Promise<Keep> {
  const user = await tx.selectFrom('users').select('role').where('id', '=', userId).executeTakeFirst()
  if (user?.role === 'admin') return { user_agent_ids: [], api_key_ids: [] }
  await lockLimits(tx, userId)
  const items = await listLiveItems(tx, userId)
  const stays = chooseWhatStays(items, features, keep)
  const off = {
    user_agent_ids: items.userAgents.map(({ id }) => id).filter((id) => !stays.user_agent_ids.includes(id)),
    api_key_ids: items.apiKeys.map(({ id }) => id).filter((id) => !stays.api_key_ids.includes(id)),
  }
  if (off.user_agent_ids.length > 0)
    await tx
      .updateTable('user_agents')
      .set({ is_active: false })
      .where('user_id', '=', userId)
      .where('id', 'in', off.user_agent_ids)
      .execute()
  if (off.api_key_ids.length > 0)
    await tx
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`now()` })
      .where('user_id', '=', userId)
      .where('id', 'in', off.api_key_ids)
      .execute()
  return off
}
