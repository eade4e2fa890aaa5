import type { KeyWork } from './change-keys.ts'
import { listKnownKeys } from './key-registry.ts'
import { readKeySet } from './load-keyring.ts'

/** One line a key, of this server or of the database, the oldest first. */
export async function listKeys({ config, database, stores }: KeyWork): Promise<string[]> {
  const keySet = await readKeySet(config)
  const { known, counts } = await database.asSystem('an operator lists the encryption keys', async (tx) => {
    const known = await listKnownKeys(tx)
    const counts = new Map<string, { needed: number; given_up: number }>()
    for (const store of stores) {
      for (const { key_id, needed, given_up } of await store.countByKey(tx)) {
        const sum = counts.get(key_id) ?? { needed: 0, given_up: 0 }
        counts.set(key_id, { needed: sum.needed + needed, given_up: sum.given_up + given_up })
      }
    }
    return { known, counts }
  })
  const here = new Map(keySet?.keys.map(({ kid, created_at }) => [kid, created_at]))
  const kids = new Map([
    ...known.map(({ id, created_at }): [string, string] => [id, created_at.toISOString()]),
    ...here,
  ])
  return [...kids].map(([kid, createdAt]) => {
    const { needed, given_up } = counts.get(kid) ?? { needed: 0, given_up: 0 }
    const notes = [
      kid === keySet?.current ? 'present key' : 'former or next key',
      ...(here.has(kid) ? [] : ['MISSING on this server']),
      ...(known.some(({ id }) => id === kid) ? [] : ['not yet known to the database']),
      ...(given_up > 0 ? [`${given_up} given up`] : []),
    ]
    return `${kid}  made ${createdAt.slice(0, 10)}  ${needed} accounts  ${notes.join(', ')}`
  })
}
