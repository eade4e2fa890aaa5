import { createHmac, hkdfSync } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  compactVerify,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose'
import { sql } from 'kysely'
import { z } from 'zod'
import { recordAudit } from '../audit-log/record-audit.ts'
import type { Config } from '../config.ts'
import type { Database, Tx } from '../database/database.ts'
import { createFileOnce, readFileIfPresent, replaceFile } from './secret-file.ts'

/** The ES256 key pair that signs access tokens. */
export interface SigningKey {
  /** RFC 7638 thumbprint of the public half. */
  kid: string
  privateKey: CryptoKey
  publicKey: CryptoKey
  /** The public half as it stands in `/.well-known/jwks.json`. */
  publicJwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid: string; alg: 'ES256'; use: 'sig' }
  /** A MAC that only a holder of this key can make; derived apart from signing, see `refresh-token.ts`. */
  mac(text: string): Buffer
}

export const signingKeyFile = 'signing-key.json'

const privateJwkSchema = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().min(1),
  y: z.string().min(1),
  d: z.string().min(1),
})
type PrivateJwk = z.infer<typeof privateJwkSchema>

const readReason = 'the start compares the signing key with the one this database knows'
const writeReason = 'the start remembers which signing key this database belongs to'

/**
 * The key of `SIGNING_KEY`, or of `signing-key.json` in the data folder, which is made at the first start. Throws with a
 * sentence for the operator when it is not the key this database knows: a new key made silently would sign everybody out.
 */
export async function loadSigningKey(
  config: Pick<Config, 'signingKey' | 'dataDir'>,
  database: Database,
  { mayCreate }: { mayCreate: boolean },
): Promise<SigningKey> {
  const knownKid = await database.asSystem(readReason, readKnownKid)
  const key = await findKey(config, knownKid, mayCreate)
  const kid = knownKid ?? (await database.asSystem(writeReason, (tx) => rememberKid(tx, key.kid)))
  if (kid !== key.kid) throw new Error(describeWrongKey(config, kid, key.kid))
  return key
}

/**
 * Accepts a new key and signs everybody out; for `npm run keys -- reset`. It takes the key of `SIGNING_KEY` or a file that
 * the database does not know yet; otherwise it makes a new file. Running servers must be started again afterwards.
 */
export async function resetSigningKey(
  config: Pick<Config, 'signingKey' | 'dataDir'>,
  database: Database,
): Promise<SigningKey> {
  const knownKid = await database.asSystem(readReason, readKnownKid)
  const key = await chooseNewKey(config, knownKid)
  await database.asSystem('the operator accepts a new signing key, which ends all sessions', async (tx) => {
    await tx
      .insertInto('installation')
      .values({ name: 'signing_key', value: JSON.stringify({ kid: key.kid }) })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: JSON.stringify({ kid: key.kid }) }))
      .execute()
    await tx.deleteFrom('sessions').execute()
    await recordAudit(tx, { actor: null, action: 'keys.reset', target: { type: 'signing_key', id: key.kid } })
  })
  return key
}

/** A key that lives in memory only. */
export async function generateSigningKey(): Promise<SigningKey> {
  return readSigningKey(await generatePrivateJwk(), 'The new key')
}

async function findKey(
  config: Pick<Config, 'signingKey' | 'dataDir'>,
  knownKid: string | null,
  mayCreate: boolean,
): Promise<SigningKey> {
  if (config.signingKey) return readSigningKey(config.signingKey, 'SIGNING_KEY')
  const path = join(config.dataDir, signingKeyFile)
  const text = await readFileIfPresent(path)
  if (text !== null) return readSigningKey(text, path)
  if (knownKid !== null) {
    throw new Error(
      `The signing key is missing: this database knows the key ${knownKid}, and there is no file ${path}. ` +
        `Put back ${signingKeyFile} from the backup or from another server of this installation (or set SIGNING_KEY), ` +
        'or run `npm run keys -- reset` to accept a new key, which signs everybody out.',
    )
  }
  if (!mayCreate) throw new Error(`There is no signing key yet at ${path}. \`npm start\` makes it.`)
  await mkdir(config.dataDir, { recursive: true })
  // Two processes may start at once: whichever file was first is the key of both.
  return readSigningKey(await createFileOnce(path, await generatePrivateJwk()), path)
}

async function chooseNewKey(
  config: Pick<Config, 'signingKey' | 'dataDir'>,
  knownKid: string | null,
): Promise<SigningKey> {
  if (config.signingKey) return readSigningKey(config.signingKey, 'SIGNING_KEY')
  const path = join(config.dataDir, signingKeyFile)
  const text = await readFileIfPresent(path)
  const present = text === null ? null : await readSigningKey(text, path).catch(() => null)
  if (present && present.kid !== knownKid) return present
  await mkdir(config.dataDir, { recursive: true })
  const created = await generatePrivateJwk()
  // The file first: a stop between file and database leaves a key the database does not know, which the next reset takes.
  await replaceFile(path, created)
  return readSigningKey(created, path)
}

async function readSigningKey(text: string, source: string): Promise<SigningKey> {
  const jwk = parsePrivateJwk(text, source)
  try {
    const { d, ...publicPart } = jwk
    const kid = await calculateJwkThumbprint(publicPart)
    const privateKey = (await importJWK(jwk, 'ES256')) as CryptoKey
    const publicKey = (await importJWK(publicPart, 'ES256')) as CryptoKey
    const proof = await new CompactSign(new Uint8Array([1])).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
    await compactVerify(proof, publicKey)
    const macKey = Buffer.from(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', 'agentexpress refresh tokens', 32))
    return {
      kid,
      privateKey,
      publicKey,
      publicJwk: { ...publicPart, kid, alg: 'ES256', use: 'sig' },
      mac: (data) => createHmac('sha256', macKey).update(data).digest(),
    }
  } catch {
    // Never the cause: its message may hold parts of the key.
    throw new Error(`${source} is not a P-256 key whose public and private halves belong together.`)
  }
}

function parsePrivateJwk(text: string, source: string): PrivateJwk {
  const trimmed = text.trim()
  const json = trimmed.startsWith('{') ? trimmed : Buffer.from(trimmed, 'base64url').toString('utf8')
  try {
    return privateJwkSchema.parse(JSON.parse(json))
  } catch {
    throw new Error(
      `${source} does not hold a private EC key on P-256 as JWK (RFC 7517): JSON with kty, crv, x, y and d, or base64url of it.`,
    )
  }
}

async function generatePrivateJwk(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return `${JSON.stringify(privateJwkSchema.parse(await exportJWK(privateKey)))}\n`
}

function describeWrongKey(config: Pick<Config, 'signingKey' | 'dataDir'>, knownKid: string, kid: string): string {
  const place = config.signingKey ? 'SIGNING_KEY' : join(config.dataDir, signingKeyFile)
  return (
    `The signing key does not belong to this database: ${place} is the key ${kid}, the database knows ${knownKid}. ` +
    `Put back ${config.signingKey ? 'the former SIGNING_KEY' : `the file ${signingKeyFile} from the backup`}, ` +
    'or run `npm run keys -- reset` to accept a new key, which signs everybody out.'
  )
}

async function readKnownKid(tx: Tx): Promise<string | null> {
  const row = await tx
    .selectFrom('installation')
    .select(sql<string | null>`value ->> 'kid'`.as('kid'))
    .where('name', '=', 'signing_key')
    .executeTakeFirst()
  return row?.kid ?? null
}

/** Keeps what another server wrote first. */
async function rememberKid(tx: Tx, kid: string): Promise<string> {
  await tx
    .insertInto('installation')
    .values({ name: 'signing_key', value: JSON.stringify({ kid }) })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  return (await readKnownKid(tx)) ?? kid
}
