import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { armor } from 'age-encryption'
import { calculateJwkThumbprint } from 'jose'
import tar from 'tar-stream'
import { z } from 'zod'
import { createFileOnce, readFileIfPresent } from '../auth/secret-file.ts'
import { signingKeyFile } from '../auth/signing-key.ts'
import type { Config } from '../config.ts'
import { formatKeySet } from '../crypto/key-set.ts'
import { encryptionKeysFile, readKeySet } from '../crypto/load-keyring.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import type { BackupHeader } from './backup-format.ts'
import { type BackupStore, openBackupStore } from './backup-store.ts'
import { decrypt, encrypt, findKeyEncryption, readDecryptionKeys } from './encryption.ts'

const noteName = 'saved-keys.json'
const noteSchema = z.object({ saved_at: z.iso.datetime(), fingerprints: z.array(z.string()) })
const keyFiles = [signingKeyFile, encryptionKeysFile]

/** Fingerprints that `save-keys` has written down beside the backups; never the keys. */
export async function readSavedFingerprints(store: BackupStore): Promise<string[]> {
  const text = await store.readText(noteName)
  if (text === null) return []
  try {
    return noteSchema.parse(JSON.parse(text)).fingerprints
  } catch {
    return []
  }
}

/** One sentence when keys this database needs were never saved: a backup alone does not bring connected accounts back. */
export function warnOfUnsavedKeys(keys: BackupHeader['keys'], saved: string[]): string[] {
  const unsaved = keys.filter(({ fingerprint }) => !saved.includes(fingerprint))
  if (unsaved.length === 0) return []
  const names = unsaved.map(({ name, fingerprint }) => `${name.replaceAll('_', ' ')} ${fingerprint}`).join(', ')
  return [
    `Not backed up: ${names}. The backup holds no keys, and without them connected accounts cannot be read again. ` +
      'Save them apart from the backups: npm run backup -- save-keys <file>',
  ]
}

/** Writes the key files, encrypted like a backup, to a file outside the store, and notes their fingerprints in the store. */
export async function saveKeys(config: Config, path: string): Promise<string> {
  const encryption = findKeyEncryption(config.backup)
  const target = resolve(path)
  if (!config.backup.s3 && `${dirname(target)}/`.startsWith(`${config.backup.dir}/`))
    throw new BackupError(`Keep the keys apart from the backups: ${target} is in ${config.backup.dir}.`)
  const found = await readKeyFiles(config)
  const pack = tar.pack()
  for (const { name, text } of found) pack.entry({ name, mode: 0o600 }, text)
  pack.finalize()
  const sealed = armor.encode(await buffer(await encrypt(Readable.from(pack), encryption)))
  await mkdir(dirname(target), { recursive: true })
  if ((await createFileOnce(target, sealed)) !== sealed)
    throw new BackupError(`${target} exists already and was left as it is.`)
  const fingerprints = found.flatMap((file) => file.fingerprints)
  await openBackupStore(config.backup).writeText(
    noteName,
    `${JSON.stringify({ saved_at: new Date().toISOString(), fingerprints }, null, 2)}\n`,
  )
  return `${target} holds ${found.map(({ name }) => name).join(' and ')}. Keep it apart from the backups; restore-keys puts them back.`
}

/** Puts the key files of `save-keys` into the data folder. Throws when one is there already: keys are never overwritten. */
export async function restoreKeys(config: Config, path: string, identityFile?: string): Promise<string> {
  const stored = await readFile(resolve(path), 'latin1').catch((cause: unknown) => {
    throw new BackupError(`The saved keys cannot be read: ${reasonOf(cause)}`, { cause })
  })
  const keys = await readDecryptionKeys(config.backup, identityFile)
  const files: { name: string; text: string }[] = []
  try {
    const extract = tar.extract()
    extract.end(await buffer(await decrypt(Readable.from([Buffer.from(armor.decode(stored))]), keys)))
    for await (const entry of extract) {
      if (keyFiles.includes(entry.header.name))
        files.push({ name: entry.header.name, text: (await buffer(entry)).toString('utf8') })
      else entry.resume()
    }
  } catch (cause) {
    if (cause instanceof BackupError) throw cause
    throw new BackupError(`${path} is damaged, or no file of save-keys (${reasonOf(cause)}).`, { cause })
  }
  if (files.length === 0) throw new BackupError(`${path} is no file of save-keys: it holds no keys.`)
  for (const { name } of files) {
    if ((await readFileIfPresent(join(config.dataDir, name))) !== null)
      throw new BackupError(
        `There is a ${name} in ${config.dataDir} already, and keys are never overwritten. Move it away first.`,
      )
  }
  await mkdir(config.dataDir, { recursive: true })
  for (const { name, text } of files) await createFileOnce(join(config.dataDir, name), text)
  return `Put back: ${files.map(({ name }) => join(config.dataDir, name)).join(', ')}`
}

/** Fingerprint of this machine's signing key; null when it is not here or cannot be read. */
export async function readSigningFingerprint(config: Pick<Config, 'signingKey' | 'dataDir'>): Promise<string | null> {
  const text = await readSigningKeyText(config).catch(() => null)
  return text ? findKid(text).catch(() => null) : null
}

async function readSigningKeyText({ signingKey, dataDir }: Pick<Config, 'signingKey' | 'dataDir'>) {
  return signingKey ?? (await readFileIfPresent(join(dataDir, signingKeyFile)))
}

async function readKeyFiles(config: Config): Promise<{ name: string; text: string; fingerprints: string[] }[]> {
  const signingKey = await readSigningKeyText(config)
  const keySet = await readKeySet(config)
  const files: { name: string; text: string; fingerprints: string[] }[] = []
  if (signingKey) files.push({ name: signingKeyFile, text: signingKey, fingerprints: [await findKid(signingKey)] })
  if (keySet) {
    const fingerprints = keySet.keys.map(({ kid }) => kid)
    files.push({ name: encryptionKeysFile, text: formatKeySet(keySet), fingerprints })
  }
  if (files.length === 0) throw new BackupError(`There are no keys in ${config.dataDir} yet. \`npm start\` makes them.`)
  return files
}

async function findKid(text: string): Promise<string> {
  const json = text.trim().startsWith('{') ? text : Buffer.from(text.trim(), 'base64url').toString('utf8')
  try {
    const { kty, crv, x, y } = JSON.parse(json)
    return await calculateJwkThumbprint({ kty, crv, x, y })
  } catch {
    // Never the cause: its message may hold parts of the key.
    throw new BackupError(`The signing key (SIGNING_KEY or ${signingKeyFile}) is damaged.`)
  }
}
