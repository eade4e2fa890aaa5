import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createFileOnce, readFileIfPresent } from '../auth/secret-file.ts'
import type { Config } from '../config.ts'
import type { Database, Tx } from '../database/database.ts'
import type { Log } from '../log.ts'
import { listKnownKeys, registerKeys } from './key-registry.ts'
import { addKey, DamagedKeySet, formatKeySet, type KeySet, parseKeySet } from './key-set.ts'
import { createFixedKeyring, type Keyring, openKeyringFile } from './keyring.ts'
import type { SecretStore } from './secret-store.ts'

export const encryptionKeysFile = 'encryption-keys.json'

export type KeyConfig = Pick<Config, 'encryptionKeys' | 'dataDir'>

interface KeyState {
  keySet: KeySet | null
  known: string[]
  /** Keys that the database knows and this server does not have. */
  missing: { kid: string; needed: number }[]
}

/** Where the keys are, for people. */
export function describeKeyPlace({ encryptionKeys, dataDir }: KeyConfig): string {
  return encryptionKeys ? 'ENCRYPTION_KEYS' : join(dataDir, encryptionKeysFile)
}

/** Null when there are none yet. Throws `DamagedKeySet`. */
export async function readKeySet(config: KeyConfig): Promise<KeySet | null> {
  const place = describeKeyPlace(config)
  const text = config.encryptionKeys ?? (await readFileIfPresent(place))
  return text === null ? null : parseKeySet(text, place)
}

/**
 * The keys of ENCRYPTION_KEYS, or of `encryption-keys.json` in the data folder, which is made at the first start. Throws
 * with a sentence for the operator when a key is missing that this database needs: a new one made silently would hide
 * that the accounts of all users cannot be read any more.
 */
export async function loadKeyring(
  options: { config: KeyConfig; database: Database; stores: SecretStore[]; log: Log },
  say: (text: string) => void,
): Promise<Keyring> {
  const { config, database, stores, log } = options
  const state = await readState(config, database, stores)
  const keySet = state.keySet ?? (await createFirstKey(config, state))
  checkKeys(config, { ...state, keySet })
  for (const { kid } of state.missing)
    say(`Encryption key ${kid}: not here, and nothing needs it (keys drop forgets it)`)
  const unknown = keySet.keys.map(({ kid }) => kid).filter((kid) => !state.known.includes(kid))
  if (unknown.length > 0) await register(database, unknown, { isFirst: state.known.length === 0, config })
  return config.encryptionKeys ? createFixedKeyring(keySet) : openKeyringFile(describeKeyPlace(config), log)
}

/** The database before the file: a key that another process made meanwhile is then seen in both, or in the file alone. */
async function readState(config: KeyConfig, database: Database, stores: SecretStore[]): Promise<KeyState> {
  const known = await database.asSystem('the start reads which encryption keys this database knows', async (tx) =>
    (await listKnownKeys(tx)).map(({ id }) => id),
  )
  const keySet = await readKeySet(config).catch((error: unknown) => {
    if (error instanceof DamagedKeySet) throw new Error(`${error.message} ${whatToDo(config)}`, { cause: error })
    throw error
  })
  const absent = known.filter((id) => !keySet?.keys.some(({ kid }) => kid === id))
  if (absent.length === 0) return { keySet, known, missing: [] }
  const missing = await database.asSystem('the start looks which encryption keys this database needs', (tx) =>
    Promise.all(absent.map(async (kid) => ({ kid, needed: await countNeeded(tx, stores, kid) }))),
  )
  return { keySet, known, missing }
}

async function countNeeded(tx: Tx, stores: SecretStore[], kid: string): Promise<number> {
  let needed = 0
  for (const store of stores) {
    if (!(await store.isNeeded(tx, kid))) continue
    needed += (await store.countByKey(tx)).find(({ key_id }) => key_id === kid)?.needed ?? 0
  }
  return needed
}

/** Two processes may start at once: whichever file was first holds the keys of both. */
async function createFirstKey(config: KeyConfig, { known, missing }: KeyState): Promise<KeySet> {
  const lost = missing.find(({ needed }) => needed > 0)
  if (lost) throw new Error(describeLostKey(config, lost))
  if (known.length > 0) {
    throw new Error(
      `The encryption keys are missing: this database knows ${known.join(', ')}, and there is no file ` +
        `${describeKeyPlace(config)}. ${whatToDo(config)}`,
    )
  }
  await mkdir(config.dataDir, { recursive: true })
  const path = describeKeyPlace(config)
  return parseKeySet(await createFileOnce(path, formatKeySet(addKey(null).keySet)), path)
}

function checkKeys(config: KeyConfig, { keySet, known, missing }: KeyState & { keySet: KeySet }): void {
  const lost = missing.find(({ needed }) => needed > 0)
  if (lost) throw new Error(describeLostKey(config, lost))
  if (known.length > 0 && !keySet.keys.some(({ kid }) => known.includes(kid))) {
    throw new Error(
      `The encryption keys do not belong to this database: ${describeKeyPlace(config)} has ` +
        `${keySet.keys.map(({ kid }) => kid).join(', ')}, the database knows ${known.join(', ')}. ${whatToDo(config)}`,
    )
  }
}

/** Of servers that start at once for the first time, each with a key of its own, one wins and the others are told. */
async function register(
  database: Database,
  kids: string[],
  { isFirst, config }: { isFirst: boolean; config: KeyConfig },
): Promise<void> {
  await database.asSystem('the start remembers which encryption keys this database belongs to', async (tx) => {
    if (isFirst) {
      await sql`lock table public.encryption_keys in share row exclusive mode`.execute(tx)
      const known = (await listKnownKeys(tx)).map(({ id }) => id)
      if (known.length > 0 && !known.some((id) => kids.includes(id))) {
        throw new Error(
          `Another server has given this database its encryption keys at this moment (${known.join(', ')}). ${whatToDo(config)}`,
        )
      }
    }
    await registerKeys(tx, kids)
  })
}

function describeLostKey(config: KeyConfig, { kid, needed }: { kid: string; needed: number }): string {
  const accounts = needed === 1 ? '1 connected account was' : `${needed} connected accounts were`
  return `The encryption key ${kid} is missing in ${describeKeyPlace(config)}: ${accounts} encrypted with it. ${whatToDo(config)}`
}

function whatToDo(config: KeyConfig): string {
  const putBack = config.encryptionKeys
    ? 'Put back the former ENCRYPTION_KEYS'
    : `Put back ${encryptionKeysFile} from the backup or from another server of this installation (or set ENCRYPTION_KEYS)`
  return (
    `${putBack}. If the key is lost for good, \`npm run keys -- accept-loss\` lets the server start without it: ` +
    'the owners of these accounts are then asked to connect them again, and nothing else is lost.'
  )
}
