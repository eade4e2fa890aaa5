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

/** What a look at secrets found, apart from those that opened. */
interface Unopened {
  /** Rows that no key opens; they were given up now. */
  givenUp: number
  /** Rows that had been given up before and still do not open. */
  stillGivenUp: number
}

/**
 * Encrypts every row of the key `from` anew with the present key, while others read and write, also what waits for its
 * owner: that goes on waiting. Each batch is a transaction of its own, so that a stop at any moment leaves every row
 * readable with one of the two keys, and the next call goes on with the rest.
 */
export async function rotateSecrets(work: SecretWork, from: string): Promise<Unopened & { rotated: number }> {
  const { database, keyring, store } = work
  const target = await keyring.current()
  const totals = { rotated: 0, givenUp: 0, stillGivenUp: 0 }
  await forEachBatch(work, { keyId: from }, async (rows) => {
    const opened = await openAll(work, rows)
    if (opened.withoutKey.length > 0) throw new UnknownEncryptionKey(from)
    const replacements = await Promise.all(opened.readable.map(({ row, value }) => reseal(store, target, row, value)))
    const changed = await retry(() =>
      database.asSystem('rotation encrypts secrets with the new key', async (tx) => ({
        rotated: replacements.length > 0 ? await store.replace(tx, replacements) : 0,
        givenUp: opened.unreadable.length > 0 ? await store.giveUp(tx, opened.unreadable) : 0,
      })),
    )
    totals.rotated += changed.rotated
    totals.givenUp += changed.givenUp
    totals.stillGivenUp += opened.stillGivenUp.length
  })
  return totals
}

export interface VerifiedSecrets extends Unopened {
  /** Rows that could be read, by their key. */
  readable: Map<string, number>
  /** Those of them that had been given up: their key was found. */
  restorable: number
  /** Rows whose key is not in the keyring and was not given up, by key. */
  withoutKey: Map<string, number>
}

/** Opens every secret, also what waits for its owner. */
export async function verifySecrets(work: SecretWork): Promise<VerifiedSecrets> {
  const { database, store } = work
  const result: VerifiedSecrets = {
    readable: new Map(),
    restorable: 0,
    withoutKey: new Map(),
    givenUp: 0,
    stillGivenUp: 0,
  }
  await forEachBatch(work, {}, async (rows) => {
    const { readable, unreadable, withoutKey, stillGivenUp } = await openAll(work, rows)
    for (const { row } of readable) {
      count(result.readable, row.key_id)
      if (row.is_given_up) result.restorable++
    }
    for (const row of withoutKey) count(result.withoutKey, row.key_id)
    result.stillGivenUp += stillGivenUp.length
    if (unreadable.length === 0) return
    result.givenUp += await retry(() =>
      database.asSystem('a check flags secrets that cannot be read', (tx) => store.giveUp(tx, unreadable)),
    )
  })
  return result
}

/** Takes back what was given up and can be read after all: its key was found. */
export async function restoreSecrets(work: SecretWork): Promise<number> {
  const { database, store } = work
  let restored = 0
  await forEachBatch(work, { sides: ['set aside'] }, async (rows) => {
    const { readable } = await openAll(work, rows)
    const found = readable.map(({ row }) => row).filter(({ is_given_up }) => is_given_up)
    if (found.length === 0) return
    restored += await retry(() =>
      database.asSystem('secrets whose key was found are in use again', (tx) => store.takeBack(tx, found)),
    )
  })
  return restored
}

/** Empties the rows of a key that were given up and still do not open. */
export async function eraseSecrets(work: SecretWork, keyId: string): Promise<number> {
  const { database, store } = work
  let erased = 0
  await forEachBatch(work, { keyId, sides: ['set aside'] }, async (rows) => {
    const { stillGivenUp } = await openAll(work, rows)
    if (stillGivenUp.length === 0) return
    erased += await retry(() =>
      database.asSystem('what was given up under a dropped key is erased', (tx) => store.erase(tx, stillGivenUp)),
    )
  })
  return erased
}

/**
 * What waits for its owner comes first: rows in use that are left then tell the next rotation that this one was cut off. A
 * row that changes sides meanwhile may be missed; whoever relies on all of them counts again.
 */
async function forEachBatch(
  { database, store, onProgress }: SecretWork,
  { keyId, sides = ['set aside', 'in use'] }: { keyId?: string; sides?: ('set aside' | 'in use')[] },
  handle: (rows: SecretRow[]) => Promise<void>,
): Promise<void> {
  let done = 0
  for (const side of sides) {
    let afterId: string | null = null
    for (;;) {
      const page = { keyId, isSetAside: side === 'set aside', afterId, limit: rowsPerBatch }
      const rows: SecretRow[] = await retry(() =>
        database.asSystem('rotation and checks read the secrets of everybody, batch by batch', (tx) =>
          store.list(tx, page),
        ),
      )
      const last = rows.at(-1)
      if (!last) break
      await handle(rows)
      afterId = last.id
      done += rows.length
      onProgress(done)
      if (rows.length < rowsPerBatch) break
    }
  }
}

interface OpenedRows {
  readable: { row: SecretRow; value: JsonValue }[]
  /** Not given up yet, and nothing opens it. */
  unreadable: SecretRow[]
  /** Not given up, and this server does not have its key. */
  withoutKey: SecretRow[]
  stillGivenUp: SecretRow[]
}

async function openAll(work: SecretWork, rows: SecretRow[]): Promise<OpenedRows> {
  const result: OpenedRows = { readable: [], unreadable: [], withoutKey: [], stillGivenUp: [] }
  const opened = await Promise.all(rows.map(async (row) => ({ row, ...(await open(work, row)) })))
  for (const { row, ...one } of opened) {
    if (one.kind === 'readable') result.readable.push({ row, value: one.value })
    else if (row.is_given_up) result.stillGivenUp.push(row)
    else if (one.kind === 'no-key') result.withoutKey.push(row)
    else result.unreadable.push(row)
  }
  return result
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
