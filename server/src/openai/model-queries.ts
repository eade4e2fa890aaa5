import type { Tx } from '../database/database.ts'

// More user agents than an account may have.
const maxModels = 1000

function selectActive(tx: Tx) {
  return tx.selectFrom('user_agents').select(['id', 'name', 'created_at']).where('is_active', '=', true)
}

export function listActiveUserAgents(tx: Tx) {
  return selectActive(tx).orderBy('created_at', 'desc').limit(maxModels).execute()
}

export async function findActiveUserAgent(tx: Tx, id: string) {
  return (await selectActive(tx).where('id', '=', id).executeTakeFirst()) ?? null
}
