import type { Claims, Database } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { createMemory, listMemories, lockMemories, type MemoryRow } from '../memories/memory-queries.ts'
import type { Passage } from './knowledge/build-passages.ts'
import { searchPassages } from './knowledge/search-passages.ts'

export const maxMemories = 200
export const maxMemoryCharacters = 2000

/** What a run may do with the memories of its user agent; every call is a short transaction of its own. */
export interface RunMemories {
  remember(content: string, isUntrusted: boolean): Promise<{ isNew: boolean; count: number }>
  /** The memories that fit the query, best first; the newest ones for an empty query. */
  recall(query: string, limit: number): Promise<Recalled[]>
}

export type Recalled = Pick<MemoryRow, 'content' | 'is_untrusted' | 'created_at'>

export function openRunMemories(database: Database, claims: Claims, userAgentId: string): RunMemories {
  return {
    remember(content, isUntrusted) {
      return database.withUser(claims, async (tx) => {
        // Calls of one step run at the same time, and must not pass the limit together.
        await lockMemories(tx, userAgentId)
        const known = await listMemories(tx, userAgentId, { afterId: null, limit: maxMemories })
        // The same words from outside stay marked as such.
        if (known.some((memory) => memory.content === content && (memory.is_untrusted || !isUntrusted)))
          return { isNew: false, count: known.length }
        if (known.length >= maxMemories)
          throw new AppError('conflict', {
            detail: `There are ${maxMemories} memories already, which is the limit. The user can delete some of them on the page of this agent.`,
          })
        await createMemory(tx, { id: createId(), userId: claims.sub, userAgentId, content, isUntrusted })
        return { isNew: true, count: known.length + 1 }
      })
    },
    async recall(query, limit) {
      const memories = await database.withUser(claims, (tx) =>
        listMemories(tx, userAgentId, { afterId: null, limit: maxMemories }),
      )
      if (query.trim() === '' || memories.length <= limit) return memories.slice(0, limit)
      const passages = memories.map(
        ({ id, content }): Passage => ({ title: '', path: id, text: content, isQuestion: false }),
      )
      const byId = new Map(memories.map((memory) => [memory.id, memory]))
      const { hits, nearest } = searchPassages(passages, query, limit)
      const found = new Set([...hits.map(({ passage }) => passage.path), ...nearest.map((passage) => passage.path)])
      return [...found].slice(0, limit).flatMap((id) => byId.get(id) ?? [])
    },
  }
}
