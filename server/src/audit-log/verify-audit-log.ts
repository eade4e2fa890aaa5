import { createHash } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { type ChainedEntry, listChain } from './audit-log-queries.ts'
import type { AuditFault, AuditReport } from './audit-log-schemas.ts'

const entriesPerBatch = 1000
const faultsTold = 20
/** How far away the place of a moved entry is looked for. */
const farthestMove = 100
const unitSeparator = '\u001f'

/**
 * Computes every hash anew, in this program and in PostgreSQL, and compares. `head` is a hash that was kept elsewhere: it
 * has to be in the chain, or the end was cut off or everything was written anew.
 */
export async function verifyAuditLog(
  database: Database,
  { head, onProgress }: { head?: string | undefined; onProgress?: (entries: number) => void } = {},
): Promise<AuditReport> {
  const chain = createChainCheck(head)
  for (let afterId = Number.MIN_SAFE_INTEGER; ; ) {
    const entries = await database.asSystem('the audit log is verified, as a whole', (tx) =>
      listChain(tx, afterId, entriesPerBatch),
    )
    for (const entry of entries) chain.add(entry)
    const last = entries.at(-1)
    if (!last || entries.length < entriesPerBatch) break
    afterId = last.id
    onProgress?.(chain.count())
  }
  return chain.end()
}

/** The check itself, entry by entry in the order of their ids. */
export function createChainCheck(head?: string) {
  const faults: AuditFault[] = []
  const seen = { count: 0, hasHead: head === undefined }
  let before: ChainedEntry | null = null

  /** What an entry says of itself comes first: the others follow from it. */
  function findFault(entry: ChainedEntry): Omit<AuditFault, 'id'> | null {
    const { id } = entry
    const expected = before ? before.id + 1 : 1
    const hasOwnHash = hashEntry(entry) === entry.hash && entry.hash_in_sql === entry.hash
    if (id < expected) return { kind: 'inserted', detail: `Entry ${id} stands before the first one.` }
    if (id > expected) {
      const gone = id - 1 > expected ? `Entries ${expected} to ${id - 1} are` : `Entry ${expected} is`
      return { kind: 'missing', detail: `${gone} missing.` }
    }
    const formerId = hasOwnHash ? null : findFormerId(entry)
    if (formerId !== null) return { kind: 'reordered', detail: `Entry ${id} was entry ${formerId}: it was moved.` }
    if (!hasOwnHash) return { kind: 'changed', detail: `Entry ${id} was changed: its hash was made of something else.` }
    if (entry.previous_hash !== (before?.hash ?? ''))
      return {
        kind: 'inserted',
        detail: `Entry ${id} does not follow the one before it: it was put in, or that one was.`,
      }
    if (before && entry.time < before.time)
      return { kind: 'reordered', detail: `Entry ${id} is older than the one before it.` }
    return null
  }

  return {
    add(entry: ChainedEntry) {
      const fault = findFault(entry)
      if (fault && faults.length < faultsTold) faults.push({ id: entry.id, ...fault })
      if (entry.hash === head) seen.hasHead = true
      seen.count += 1
      before = entry
    },
    count: () => seen.count,
    end(): AuditReport {
      if (!seen.hasHead) {
        const detail = `The head that was kept, ${head}, is no hash of an entry: entries after ${before?.id ?? 0} were cut off, or all were written anew.`
        faults.push({ id: (before?.id ?? 0) + 1, kind: 'cut_off', detail })
      }
      return { is_intact: faults.length === 0, entries: seen.count, head_hash: before?.hash ?? null, faults }
    },
  }
}

/** The number with which the hash of a moved entry fits; null when there is none near by. */
function findFormerId(entry: ChainedEntry): number | null {
  for (let id = Math.max(1, entry.id - farthestMove); id <= entry.id + farthestMove; id++)
    if (hashEntry({ ...entry, id }) === entry.hash) return id
  return null
}

/** What `app.hash_audit_entry` computes in the database, written a second time so that neither is trusted alone. */
export function hashEntry(entry: Omit<ChainedEntry, 'hash' | 'hash_in_sql'>): string {
  const { id, time, actor_id, action, target_type, target_id, detail, previous_hash } = entry
  const text = [id, time, actor_id ?? '', action, target_type, target_id, detail].join(unitSeparator)
  return createHash('sha256').update(Buffer.from(previous_hash, 'hex')).update(text).digest('hex')
}
