import type { KeySet } from '../crypto/key-set.ts'
import { createFixedKeyring } from '../crypto/keyring.ts'
import { openSecret, sealSecret } from '../crypto/seal-secret.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import type { BackupHeader, KeyCheck } from './backup-format.ts'

type Keys = Pick<BackupHeader, 'keys'>

/** Fingerprints of the encryption keys that a database knows. */
export function listEncryptionKeys({ keys }: Keys): string[] {
  return keys.filter(({ name }) => name === 'encryption_key').map(({ fingerprint }) => fingerprint)
}

/** The name of the backup, sealed with each of its encryption keys that `keySet` has. */
export async function sealCanaries(
  keySet: KeySet | null,
  backup: Keys & Pick<BackupHeader, 'name'>,
): Promise<BackupHeader['canaries']> {
  const canaries: BackupHeader['canaries'] = []
  for (const fingerprint of listEncryptionKeys(backup)) {
    if (!hasKey(keySet, fingerprint)) continue
    const keyring = await createFixedKeyring({ ...keySet, current: fingerprint })
    const { sealed } = await sealSecret(keyring, placeOf(backup, fingerprint), backup.name)
    canaries.push({ fingerprint, sealed })
  }
  return canaries
}

/** Opens them with the keys there are. Throws when a key is there and its canary does not open. */
export async function openCanaries(
  keySet: KeySet | null,
  backup: Pick<BackupHeader, 'name' | 'keys' | 'canaries'>,
): Promise<KeyCheck[]> {
  const checks: KeyCheck[] = []
  for (const fingerprint of listEncryptionKeys(backup)) {
    const canary = backup.canaries.find((one) => one.fingerprint === fingerprint)
    if (!hasKey(keySet, fingerprint)) checks.push({ fingerprint, state: 'no_key' })
    else if (!canary) checks.push({ fingerprint, state: 'nothing_sealed' })
    else {
      await openCanary(keySet, backup, canary)
      checks.push({ fingerprint, state: 'opened' })
    }
  }
  return checks
}

async function openCanary(
  keySet: KeySet,
  backup: Pick<BackupHeader, 'name'>,
  { fingerprint, sealed }: BackupHeader['canaries'][number],
): Promise<void> {
  const keyring = await createFixedKeyring(keySet)
  const text = await openSecret(keyring, placeOf(backup, fingerprint), sealed).catch((cause: unknown) => {
    throw new BackupError(
      `The encryption key ${fingerprint} is here and does not open what the backup sealed with it: ${reasonOf(cause)}`,
      { cause },
    )
  })
  if (text !== backup.name)
    throw new BackupError(`The backup's canary of the encryption key ${fingerprint} is not its own.`)
}

function hasKey(keySet: KeySet | null, fingerprint: string): keySet is KeySet {
  return keySet?.keys.some(({ kid }) => kid === fingerprint) ?? false
}

function placeOf({ name }: Pick<BackupHeader, 'name'>, fingerprint: string) {
  return { purpose: 'backup.canary', rowId: name, ownerId: fingerprint } as const
}

/** One sentence when a verification will have nothing to try a key with; none otherwise. */
export function warnOfMissingCanaries(backup: Pick<BackupHeader, 'keys' | 'canaries'>): string[] {
  const sealed = backup.canaries.map(({ fingerprint }) => fingerprint)
  const missing = listEncryptionKeys(backup).filter((fingerprint) => !sealed.includes(fingerprint))
  if (missing.length === 0) return []
  return [
    `This machine does not have, or cannot read, ${nameKeys(missing)}: the backup holds no canary, and verify can try ` +
      `${missing.length === 1 ? 'it' : 'them'} on connected accounts alone.`,
  ]
}

/** One sentence for what was not looked at, and why; none when every key opened something. */
export function describeUnchecked(checks: KeyCheck[]): string[] {
  const having = (state: KeyCheck['state']) =>
    checks.filter((check) => check.state === state).map(({ fingerprint }) => fingerprint)
  const [absent, unused] = [having('no_key'), having('nothing_sealed')]
  const sentences: string[] = []
  if (absent.length > 0)
    sentences.push(
      `Not checked: ${nameKeys(absent)}, which the machine that verified it does not have. Verify it where the keys are, or ` +
        'drop a key that nothing needs: npm run keys -- drop <key>',
    )
  if (unused.length > 0)
    sentences.push(
      `Not checked: ${nameKeys(unused)}. The backup has nothing that was sealed with ${unused.length === 1 ? 'it' : 'them'}; one made now has.`,
    )
  return sentences
}

function nameKeys(fingerprints: string[]): string {
  return `the encryption key${fingerprints.length === 1 ? '' : 's'} ${fingerprints.join(', ')}`
}
