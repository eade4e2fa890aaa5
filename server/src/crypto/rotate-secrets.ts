import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import { isTemporary } from '../errors.ts'
import type { EncryptionKey } from './key-set.ts'
import type { Keyring } from './keyring.ts'
import {
  findSecretKeyId,
  type JsonValue,
  openSecret,
  sealSecret,
  UnknownEncryptionKey,
  UnreadableSecret,
} from './seal-secret.ts'
import type { SecretReplacement, SecretRow, SecretStore } from './secret-store.ts'

const rowsPerBatch = 200

export interface SecretWork {
  database: Database
  keyring: Keyring
  store: SecretStore
  /** Rows done so far, after each batch. */
  onProgress(done: number): void
}

/**
 * Encrypts every row of the key `from` anew with the present key, while others read and write. Each batch is a
 * transaction of its own, so that a stop at any moment leaves every row readable with one of the two keys, and the next
 * call goes on with the rest. Rows that cannot be read are flagged.
 */
export async function rotateSecrets(work: SecretWork, from: string): Promise<{ rotated: number; flagged: number }> {
  const { database, keyring, store } = work
  const target = await keyring.current()
  const totals = { rotated: 0, flagged: 0 }
  await forEachBatch(work, { keyId: from }, async (rows) => {
    const unreadable: SecretRow[] = []
    const replacements: SecretReplacement[] = []
    await Promise.all(
      rows.map(async (row) => {
        const opened = await open(work, row)
        if (opened.kind === 'unreadable') unreadable.push(row)
        else if (opened.kind === 'no-key') throw new UnknownEncryptionKey(row.key_id)
        else replacements.push(await reseal(store, target, row, opened.value))
      }),
    )
    const changed = await retry(() =>
      database.asSystem('rotation encrypts secrets with the new key', async (tx) => ({
        rotated: replacements.length > 0 ? await store.replace(tx, replacements) : 0,
        flagged: unreadable.length > 0 ? await store.flag(tx, unreadable) : 0,
      })),
    )
    totals.rotated += changed.rotated
    totals.flagged += changed.flagged
  })
  return totals
}

export interface VerifiedSecrets {
  /** Rows that could be read, by their key. */
  readable: Map<string, number>
  /** Rows whose key is not in the keyring, by key. */
  withoutKey: Map<string, number>
  /** Rows that no key opens; they are flagged now. */
  flagged: number
}

/** Opens every secret. */
export async function verifySecrets(work: SecretWork): Promise<VerifiedSecrets> {
  const { database, store } = work
  const result: VerifiedSecrets = { readable: new Map(), withoutKey: new Map(), flagged: 0 }
  await forEachBatch(work, {}, async (rows) => {
    const opened = await Promise.all(rows.map(async (row) => ({ row, kind: (await open(work, row)).kind })))
    for (const { row, kind } of opened) {
      if (kind === 'readable') count(result.readable, row.key_id)
      else if (kind === 'no-key') count(result.withoutKey, row.key_id)
    }
    const unreadable = opened.filter(({ kind }) => kind === 'unreadable').map(({ row }) => row)
    if (unreadable.length === 0) return
    result.flagged += await retry(() =>
      database.asSystem('a check flags secrets that cannot be read', (tx) => store.flag(tx, unreadable)),
    )
  })
  return result
}

/** Takes the flag from rows that can be read after all: their key was found. */
export async function restoreSecrets(work: SecretWork): Promise<number> {
  const { database, store } = work
  let restored = 0
  await forEachBatch(work, { isFlagged: true }, async (rows) => {
    const opened = await Promise.all(rows.map(async (row) => ({ row, kind: (await open(work, row)).kind })))
    const readable = opened.filter(({ kind }) => kind === 'readable').map(({ row }) => row)
    if (readable.length === 0) return
    restored += await retry(() =>
      database.asSystem('secrets whose key was found are in use again', (tx) => store.unflag(tx, readable)),
    )
  })
  return restored
}

async function forEachBatch(
  { database, store, onProgress }: SecretWork,
  { keyId, isFlagged = false }: { keyId?: string; isFlagged?: boolean },
  handle: (rows: SecretRow[]) => Promise<void>,
): Promise<void> {
  let afterId: string | null = null
  for (let done = 0; ; ) {
    const page = { keyId, isFlagged, afterId, limit: rowsPerBatch }
    const rows: SecretRow[] = await retry(() =>
      database.asSystem('rotation and checks read the secrets of everybody, batch by batch', (tx) =>
        store.list(tx, page),
      ),
    )
    const last = rows.at(-1)
    if (!last) return
    await handle(rows)
    afterId = last.id
    done += rows.length
    onProgress(done)
  }
}

type Opened = { kind: 'readable'; value: JsonValue } | { kind: 'unreadable' } | { kind: 'no-key' }

async function open({ keyring, store }: SecretWork, row: SecretRow): Promise<Opened> {
  // The header decides which key opens it. A row that names another one in its column was not written by us.
  if (findSecretKeyId(row.sealed) !== row.key_id) return { kind: 'unreadable' }
  try {
    const context = { purpose: store.purpose, rowId: row.id, ownerId: row.owner_id }
    return { kind: 'readable', value: await openSecret(keyring, context, row.sealed) }
  } catch (error) {
    if (error instanceof UnreadableSecret) return { kind: 'unreadable' }
    if (error instanceof UnknownEncryptionKey) return { kind: 'no-key' }
    throw error
  }
}

async function reseal(
  store: SecretStore,
  target: EncryptionKey,
  row: SecretRow,
  value: JsonValue,
): Promise<SecretReplacement> {
  const context = { purpose: store.purpose, rowId: row.id, ownerId: row.owner_id }
  const { sealed, kid } = await sealSecret({ current: async () => target }, context, value)
  return { id: row.id, before: row.sealed, after: sealed, keyId: kid }
}

/** A batch that met a deadlock or a restart of the database is tried again: nothing of it was written. */
async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (const waitMs of [100, 500, 2000, 5000]) {
    try {
      return await attempt()
    } catch (error) {
      if (!isTemporary(error)) throw error
      await sleep(waitMs)
    }
  }
  return attempt()
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
