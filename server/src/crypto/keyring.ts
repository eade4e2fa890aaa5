import { stat } from 'node:fs/promises'
import { readFileIfPresent } from '../auth/secret-file.ts'
import type { Log } from '../log.ts'
import { addKey, type EncryptionKey, importKeys, type KeySet, parseKeySet } from './key-set.ts'

/** The keys for secrets at rest, as they are at this moment: a rotation beside the running server changes them. */
export interface Keyring {
  /** What new secrets are encrypted with. */
  current(): Promise<EncryptionKey>
  /** Null when this server does not have the key. */
  find(kid: string): Promise<EncryptionKey | null>
}

/** Keys that stay as they are: of ENCRYPTION_KEYS, of a command, of a test. */
export async function createFixedKeyring(keySet: KeySet): Promise<Keyring> {
  const keys = await importKeys(keySet)
  const current = getKey(keys, keySet.current)
  return { current: async () => current, find: async (kid) => keys.get(kid) ?? null }
}

/** One new key that lives in memory only. */
export function createMemoryKeyring(): Promise<Keyring> {
  return createFixedKeyring(addKey(null).keySet)
}

/**
 * The keys of a file, read again whenever it was replaced; that costs one `stat` a use. While the file is away or
 * damaged, the keys read last go on serving. Throws when it cannot be read at first.
 */
export async function openKeyringFile(path: string, log: Log): Promise<Keyring> {
  let known = await read(path)
  let reading: Promise<void> | null = null
  let reported = ''

  async function refresh(): Promise<void> {
    try {
      if ((await findMark(path)) === known.mark) return
      known = await read(path)
      reported = ''
      log.info({ current: known.current.kid, keys: known.keys.size }, 'encryption keys were read again')
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (message !== reported) log.error({ path }, `encryption keys could not be read again: ${message}`)
      reported = message
    }
  }
  const refreshOnce = () => {
    reading ??= refresh().finally(() => {
      reading = null
    })
    return reading
  }

  return {
    async current() {
      await refreshOnce()
      return known.current
    },
    async find(kid) {
      if (known.keys.has(kid)) return known.keys.get(kid) ?? null
      // A reading that is under way may have looked before the key came.
      await reading
      await refreshOnce()
      return known.keys.get(kid) ?? null
    },
  }
}

async function read(path: string): Promise<{ mark: string; keys: Map<string, EncryptionKey>; current: EncryptionKey }> {
  // The mark first: a file replaced in between is then read once more.
  const mark = await findMark(path)
  const text = await readFileIfPresent(path)
  if (text === null) throw new Error(`There is no file ${path}.`)
  const keySet = parseKeySet(text, path)
  const keys = await importKeys(keySet)
  return { mark, keys, current: getKey(keys, keySet.current) }
}

/** Changes whenever the file is replaced: the name of a replaced file stands for another inode. */
async function findMark(path: string): Promise<string> {
  const { ino, mtimeNs, size } = await stat(path, { bigint: true })
  return `${ino} ${mtimeNs} ${size}`
}

function getKey(keys: Map<string, EncryptionKey>, kid: string): EncryptionKey {
  const key = keys.get(kid)
  if (!key) throw new Error(`There is no key ${kid}.`)
  return key
}
