import type { KeySet } from '../crypto/key-set.ts'
import { describeKeyPlace, type KeyConfig, readKeySet } from '../crypto/load-keyring.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import type { BackupHeader } from './backup-format.ts'
import { listEncryptionKeys } from './canary.ts'

/** The encryption keys of this machine. */
export interface KeysAtHand {
  keySet: KeySet | null
  /** For people. */
  place: string
  /** For people: how to go on without them. */
  takeAway: string
}

/**
 * To be called before a restore or verification begins: throws when there are keys and they cannot be read, which is not
 * to be found out when hours of work are done.
 */
export async function readKeysAtHand(config: KeyConfig): Promise<KeysAtHand> {
  const place = describeKeyPlace(config)
  const takeAway = config.encryptionKeys ? 'unset ENCRYPTION_KEYS' : `move ${place} away`
  const keySet = await readKeySet(config).catch((cause: unknown) => {
    const reason = reasonOf(cause).replace(/\.*$/, '.')
    throw new BackupError(
      `${reason} Nothing was restored yet. Put the right keys there, or ${takeAway} to go on without them: the rows do ` +
        'not need them, connected accounts do.',
      { cause },
    )
  })
  return { keySet, place, takeAway }
}

/** Those of this machine when the database of the backup has keys and none is the same; none otherwise. */
export function findOtherKeys({ keySet }: KeysAtHand, header: Pick<BackupHeader, 'keys'>): string[] {
  const known = listEncryptionKeys(header)
  const here = keySet?.keys.map(({ kid }) => kid) ?? []
  return known.length === 0 || here.some((kid) => known.includes(kid)) ? [] : here
}
