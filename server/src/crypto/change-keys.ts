import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { AuditAction } from '../audit-log/audit-actions.ts'
import { recordAudit } from '../audit-log/record-audit.ts'
import { replaceFile } from '../auth/secret-file.ts'
import type { Database, Tx } from '../database/database.ts'
import { forgetKey, listKnownKeys, registerKeys } from './key-registry.ts'
import { addKey, DamagedKeySet, formatKeySet, type KeySet } from './key-set.ts'
import { createFixedKeyring } from './keyring.ts'
import { describeKeyPlace, type KeyConfig, readKeySet } from './load-keyring.ts'
import { eraseSecrets, restoreSecrets, rotateSecrets, type VerifiedSecrets, verifySecrets } from './rotate-secrets.ts'
import type { SecretStore } from './secret-store.ts'

/** What the commands on keys work with. One command alone may run at a time: they read, change and write the key file. */
export interface KeyWork {
  config: KeyConfig
  database: Database
  stores: SecretStore[]
  say(text: string): void
  onProgress(done: number): void
}

const newKeysFile = 'encryption-keys.new.json'
const rowsPerStep = 500
// Each pass takes what servers with the former key wrote during the one before; they learn of the new key at once.
const maxPasses = 20

/** Adds a key that nothing is encrypted with yet, so that it can reach every server before it is used. */
export async function addEncryptionKey(work: KeyWork): Promise<string> {
  const { keySet, kid } = addKey(await requireKeySet(work.config))
  await writeKeySet(work, keySet)
  // A key of ENCRYPTION_KEYS is remembered by the first server that has it.
  await remember(work, work.config.encryptionKeys ? [] : [kid], { action: 'keys.add', kid })
  return kid
}

/**
 * Encrypts everything with one key: `to`; otherwise the present key while an earlier rotation is unfinished; otherwise the
 * newest key that was added, or a new one. May be stopped at any moment and called again. What waits for its owner goes on
 * waiting. Throws unless every secret that opens was then encrypted with that key.
 */
export async function rotateKeys(
  work: KeyWork,
  to?: string,
): Promise<{ kid: string; rotated: number; givenUp: number }> {
  const { database, stores } = work
  const keySet = await makeCurrent(work, to)
  const target = keySet.current
  const keyring = await createFixedKeyring(keySet)
  const totals = { kid: target, rotated: 0, givenUp: 0 }
  for (const store of stores) {
    /** What no key opens stays as it is; how many rows of each key. */
    const hopeless = new Map<string, number>()
    for (let pass = 0; ; pass++) {
      const others = (await countByKey(database, store)).filter(
        ({ key_id, needed, given_up }) => key_id !== target && (needed > 0 || given_up > (hopeless.get(key_id) ?? 0)),
      )
      if (others.length === 0) break
      if (pass === maxPasses)
        throw new Error(
          'A server still encrypts with a former key. Give it the present keys, start it again, and rotate again.',
        )
      for (const { key_id } of others) {
        const { rotated, givenUp, stillGivenUp } = await rotateSecrets({ ...work, keyring, store }, key_id)
        totals.rotated += rotated
        totals.givenUp += givenUp
        hopeless.set(key_id, givenUp + stillGivenUp)
      }
    }
  }
  return totals
}

/** The keys with the target of the rotation as the present one: from now on servers encrypt with it. */
async function makeCurrent(work: KeyWork, to: string | undefined): Promise<KeySet> {
  const { config } = work
  let keySet = await requireKeySet(config)
  let target = to ?? (await chooseTarget(work, keySet))
  if (target === null) {
    if (config.encryptionKeys) throw new Error('The keys come from ENCRYPTION_KEYS. Begin with `npm run keys -- add`.')
    const added = addKey(keySet)
    target = added.kid
    keySet = added.keySet
    await writeKeySet(work, keySet)
    work.say(`Added the key ${target}`)
  }
  if (!keySet.keys.some(({ kid }) => kid === target)) throw new Error(noSuchKey(config, target))
  // The database learns of the key before anybody can encrypt with it; see the foreign key of integrations.
  await remember(work, [target], { action: 'keys.rotate', kid: target, detail: { from: keySet.current } })
  if (keySet.current === target) return keySet
  keySet = { ...keySet, current: target }
  await writeKeySet(work, keySet)
  if (config.encryptionKeys)
    throw new Error(`Then rotate again: ENCRYPTION_KEYS does not name ${target} as "current" yet.`)
  return keySet
}

/** Opens every secret with the keys of this server; what no key opens is flagged for its owner. */
export async function verifyKeys(work: KeyWork): Promise<VerifiedSecrets> {
  const keyring = await createFixedKeyring(await requireKeySet(work.config))
  const all: VerifiedSecrets = {
    readable: new Map(),
    restorable: 0,
    withoutKey: new Map(),
    givenUp: 0,
    stillGivenUp: 0,
  }
  for (const store of work.stores) {
    const result = await verifySecrets({ ...work, keyring, store })
    for (const name of ['readable', 'withoutKey'] as const)
      for (const [kid, count] of result[name]) all[name].set(kid, (all[name].get(kid) ?? 0) + count)
    for (const name of ['restorable', 'givenUp', 'stillGivenUp'] as const) all[name] += result[name]
  }
  return all
}

/** Forgets a key, after every secret was opened and none by it. What was given up under this key is erased. */
export async function dropKey(work: KeyWork, kid: string): Promise<{ erased: number }> {
  const { database, stores, config } = work
  const keySet = await requireKeySet(config)
  const known = await database.asSystem('an operator drops a key that is known', listKnownKeys)
  const isHere = keySet.keys.some((key) => key.kid === kid)
  if (!isHere && !known.some(({ id }) => id === kid)) throw new Error(noSuchKey(config, kid))
  if (keySet.current === kid) throw new Error(`${kid} is the present key. Rotate to another one first.`)
  const { readable, withoutKey } = await verifyKeys(work)
  const needed = (readable.get(kid) ?? 0) + (withoutKey.get(kid) ?? 0)
  if (needed > 0) {
    const whatToDo = isHere ? 'Rotate first.' : 'It is not here: put it back, or see accept-loss.'
    throw new Error(`The key ${kid} is still needed by ${needed} connected accounts. ${whatToDo}`)
  }
  const keyring = await createFixedKeyring(keySet)
  let erased = 0
  for (const store of stores) erased += await eraseSecrets({ ...work, keyring, store }, kid)
  try {
    await database.asSystem('an operator drops an encryption key', async (tx) => {
      await forgetKey(tx, kid)
      await record(tx, { action: 'keys.drop', kid, detail: { erased } })
    })
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '23503')) throw error
    throw new Error(`A server encrypted with the key ${kid} at this moment. Rotate again, then drop it.`, {
      cause: error,
    })
  }
  // The database first: a stop in between leaves a key that nothing needs, which the next drop takes.
  if (isHere) await writeKeySet(work, { ...keySet, keys: keySet.keys.filter((key) => key.kid !== kid) })
  return { erased }
}

/**
 * Gives up what was encrypted with keys that are lost: their owners are asked to connect again. Nothing is erased, so that
 * a key which is found later can be put back. Without any key left, a new one is made.
 */
export async function acceptLoss(work: KeyWork): Promise<{ lost: string[]; flagged: number; created: string | null }> {
  const { config, database, stores } = work
  const present = await readKeySet(config).catch((error: unknown) => {
    if (error instanceof DamagedKeySet && !config.encryptionKeys) return null
    throw error
  })
  const known = await database.asSystem('an operator accepts the loss of keys', listKnownKeys)
  const lost = known.map(({ id }) => id).filter((id) => !present?.keys.some(({ kid }) => kid === id))
  if (lost.length === 0) throw new Error('No key is missing. Nothing was changed.')
  const created = present ? null : addKey(null)
  if (created) {
    const path = describeKeyPlace(config)
    await mkdir(config.dataDir, { recursive: true })
    // A damaged file is kept: what is in it may still help somebody.
    await rename(path, `${path}.damaged-${Date.now()}`).catch(() => {})
    await writeKeySet(work, created.keySet)
  }
  await remember(work, created ? [created.kid] : (present?.keys ?? []).map(({ kid }) => kid), {
    action: 'keys.accept_loss',
    kid: lost.join(','),
    detail: { lost },
  })
  let flagged = 0
  for (const store of stores)
    for (const kid of lost)
      flagged += await repeat(() =>
        database.asSystem('accounts whose key is lost are flagged for their owners', (tx) =>
          store.giveUpKey(tx, kid, rowsPerStep),
        ),
      )
  return { lost, flagged, created: created?.kid ?? null }
}

/** Accounts that were given up and can be read with the keys of this server are connected again. */
export async function restoreAccounts(work: KeyWork): Promise<number> {
  const keySet = await requireKeySet(work.config)
  const keyring = await createFixedKeyring(keySet)
  let restored = 0
  for (const store of work.stores) restored += await restoreSecrets({ ...work, keyring, store })
  await work.database.asSystem('an operator restores accounts whose key was found', (tx) =>
    record(tx, { action: 'keys.restore', kid: keySet.current, detail: { restored } }),
  )
  return restored
}

export async function requireKeySet(config: KeyConfig): Promise<KeySet> {
  const keySet = await readKeySet(config)
  if (!keySet) throw new Error(`There are no encryption keys at ${describeKeyPlace(config)}. \`npm start\` makes them.`)
  return keySet
}

/** The present key while rows are encrypted with others; else the key that was added last; null when a new one is due. */
async function chooseTarget({ database, stores }: KeyWork, keySet: KeySet): Promise<string | null> {
  for (const store of stores) {
    const rows = await countByKey(database, store)
    if (rows.some(({ key_id, needed }) => key_id !== keySet.current && needed > 0)) return keySet.current
  }
  const newest = keySet.keys.at(-1)?.kid ?? keySet.current
  return newest === keySet.current ? null : newest
}

function countByKey(database: Database, store: SecretStore) {
  return database.asSystem('an operator looks how many secrets each key has', (tx) => store.countByKey(tx))
}

async function remember({ database }: KeyWork, kids: string[], entry: KeyEntry): Promise<void> {
  await database.asSystem('an operator adds encryption keys', async (tx) => {
    if (kids.length > 0) await registerKeys(tx, kids)
    await record(tx, entry)
  })
}

interface KeyEntry {
  action: AuditAction
  /** The fingerprint: it tells which key, and nothing of it. */
  kid: string
  detail?: Record<string, unknown>
}

async function record(tx: Tx, { action, kid, detail }: KeyEntry): Promise<void> {
  // What the column holds: a fingerprint has 43 characters.
  await recordAudit(tx, { actor: null, action, target: { type: 'key', id: kid.slice(0, 150) }, detail })
}

async function writeKeySet({ config, say }: KeyWork, keySet: KeySet): Promise<void> {
  const text = formatKeySet(keySet)
  if (!config.encryptionKeys) return replaceFile(describeKeyPlace(config), text)
  // A variable of the environment cannot be changed from here, and a key does not belong on a screen.
  const path = join(config.dataDir, newKeysFile)
  await mkdir(config.dataDir, { recursive: true })
  await replaceFile(path, text)
  say(`Put the content of ${path} into ENCRYPTION_KEYS of every server, start them again, and delete that file.`)
}

function noSuchKey(config: KeyConfig, kid: string): string {
  return `There is no key ${kid} in ${describeKeyPlace(config)}. \`npm run keys -- list\` shows those there are.`
}

/** Until a step changes nothing more. Answers the sum. */
async function repeat(step: () => Promise<number>): Promise<number> {
  let sum = 0
  for (let changed = await step(); changed > 0; changed = await step()) sum += changed
  return sum
}
