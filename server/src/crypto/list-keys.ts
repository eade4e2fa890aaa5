import type { KeyWork } from './change-keys.ts'
import { listKnownKeys } from './key-registry.ts'
import { readKeySet } from './load-keyring.ts'

/** One line a key, of this server or of the database, the oldest first. */
export async function listKeys({ config, database, stores }: KeyWork): Promise<string[]> {
  const keySet = await readKeySet(config)
  const { known, counts } = await database.asSystem('an operator lists the encryption keys', async (tx) => {
    const known = await listKnownKeys(tx)
    const counts = new Map<string, { readable: number; flagged: number }>()
    for (const store of stores) {
      for (const { key_id, readable, flagged } of await store.countByKey(tx)) {
        const sum = counts.get(key_id) ?? { readable: 0, flagged: 0 }
        counts.set(key_id, { readable: sum.readable + readable, flagged: sum.flagged + flagged })
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
    const { readable, flagged } = counts.get(kid) ?? { readable: 0, flagged: 0 }
    const notes = [
      kid === keySet?.current ? 'present key' : 'former or next key',
      ...(here.has(kid) ? [] : ['MISSING on this server']),
      ...(known.some(({ id }) => id === kid) ? [] : ['not yet known to the database']),
      ...(flagged > 0 ? [`${flagged} to reconnect`] : []),
    ]
    return `${kid}  made ${createdAt.slice(0, 10)}  ${readable} accounts  ${notes.join(', ')}`
  })
}
