import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { createFileOnce } from '../auth/secret-file.ts'
import type { Config } from '../config.ts'
import { makeHead, readHead } from './age-header.ts'
import { createPassphraseRecipient } from './age-passphrase.ts'
import { decryptPayload, encryptPayload } from './age-payload.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import { chain } from './chain-streams.ts'

/** Who can open a new backup. */
export type Encryption =
  | { kind: 'recipients'; recipients: string[] }
  | { kind: 'passphrase'; passphrase: string }
  | { kind: 'none' }

/** What opens backups: contents of identity files (age-keygen) and a passphrase. */
export interface DecryptionKeys {
  identities: string[]
  passphrase?: string
}

export function findEncryption(backup: Config['backup'], isPlain: boolean): Encryption {
  const encryption: Encryption | null = isPlain ? { kind: 'none' } : findRecipients(backup)
  if (encryption) return encryption
  throw new BackupError(
    `Backups are encrypted, and it is not said for whom. ${howToSay} \`--plain\` makes this one without encryption.`,
  )
}

const howToSay =
  'Make a key with `npm run backup -- new-key <file>` and set BACKUP_RECIPIENTS to the line it prints, or set BACKUP_PASSPHRASE.'

/** For the keys themselves, which are never written in the clear. */
export function findKeyEncryption(backup: Config['backup']): Encryption {
  const encryption = findRecipients(backup)
  if (encryption) return encryption
  throw new BackupError(`Keys are saved encrypted, and it is not said for whom. ${howToSay}`)
}

function findRecipients({ recipients, passphrase }: Config['backup']): Encryption | null {
  if (recipients.length > 0) return { kind: 'recipients', recipients }
  return passphrase ? { kind: 'passphrase', passphrase } : null
}

/** `BACKUP_IDENTITY` (a key or the path of its file) and the passphrase, and one more identity file if given. */
export async function readDecryptionKeys(
  { identity, passphrase }: Config['backup'],
  identityFile?: string,
): Promise<DecryptionKeys> {
  const identities: string[] = []
  for (const source of [identity, identityFile]) {
    if (source) identities.push(...(await readIdentities(source)))
  }
  return { identities, passphrase }
}

async function readIdentities(source: string): Promise<string[]> {
  if (source.startsWith('AGE-SECRET-KEY-')) return [source]
  const text = await readFile(source, 'utf8').catch((cause: Error) => {
    throw new BackupError(`The identity file ${source} cannot be read: ${cause.message}`, { cause })
  })
  const found = text.split('\n').map((line) => line.trim())
  const identities = found.filter((line) => line.startsWith('AGE-SECRET-KEY-'))
  if (identities.length === 0) throw new BackupError(`There is no line AGE-SECRET-KEY-... in ${source}.`)
  return identities
}

/** Writes a new identity file as age-keygen does; a file that exists is kept and refused. Answers the recipient. */
export async function createIdentityFile(path: string, now = new Date()): Promise<string> {
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const text = `# created: ${now.toISOString()}\n# public key: ${recipient}\n${identity}\n`
  const kept = await createFileOnce(path, text).catch((cause: unknown) => {
    throw new BackupError(`The key cannot be written to ${path}: ${reasonOf(cause)}`, { cause })
  })
  if (kept !== text) throw new BackupError(`${path} exists already and was left as it is.`)
  return recipient
}

export async function encrypt(plain: Readable, encryption: Encryption): Promise<Readable> {
  if (encryption.kind === 'none') return plain
  const encrypter = new Encrypter()
  if (encryption.kind === 'passphrase') encrypter.addRecipient(createPassphraseRecipient(encryption.passphrase))
  else for (const recipient of encryption.recipients) addRecipient(encrypter, recipient)
  const { key, bytes } = await makeHead(encrypter)
  return chain(plain, encryptPayload(key, bytes))
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient)
  } catch (cause) {
    throw new BackupError(`${recipient} in BACKUP_RECIPIENTS is no age recipient: ${reasonOf(cause)}`, { cause })
  }
}

/** Throws a `BackupError` when no key fits; damage shows while the answer is read. */
export async function decrypt(stored: Readable, keys: DecryptionKeys): Promise<Readable> {
  const decrypter = new Decrypter()
  for (const identity of keys.identities) addIdentity(decrypter, identity)
  if (keys.passphrase) decrypter.addPassphrase(keys.passphrase)
  if (keys.identities.length === 0 && !keys.passphrase) {
    throw new BackupError(
      'The backup is encrypted. Set BACKUP_IDENTITY (a file with AGE-SECRET-KEY-...) or BACKUP_PASSPHRASE, or give --identity <file>.',
    )
  }
  try {
    const { key } = await readHead(stored, decrypter)
    return chain(stored, decryptPayload(key))
  } catch (cause) {
    if (reasonOf(cause).includes('no identity matched')) {
      throw new BackupError(
        'The backup was encrypted for another key or with another passphrase: none of those given opens it.',
        { cause },
      )
    }
    throw cause
  }
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity)
  } catch {
    // Never the cause: its message may hold parts of the key.
    throw new BackupError('A line AGE-SECRET-KEY-... of the identity is not whole.')
  }
}
