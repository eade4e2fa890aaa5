import { execFile, spawn } from 'node:child_process'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { decryptPayload, encryptPayload } from './age-payload.ts'
import { makeFolder, passphrase } from './backup-testing.ts'
import { decrypt, type Encryption, encrypt } from './encryption.ts'

const chunk = 65_536
/** Where a chunk ends, and beside it; nothing at all; many chunks. */
const sizes = [0, 1, 100, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1, 5 * chunk, 5 * chunk + 777]

async function makeKeys() {
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  return { identity, recipient, sealed: { kind: 'recipients', recipients: [recipient] } as Encryption }
}

/** In pieces that end nowhere near the ends of chunks. */
function inPieces(content: Buffer, size = 10_007): Readable {
  const pieces: Buffer[] = []
  for (let at = 0; at < content.length; at += size) pieces.push(content.subarray(at, at + size))
  return Readable.from(pieces, { objectMode: false })
}

const seal = async (content: Buffer, encryption: Encryption) => buffer(await encrypt(inPieces(content), encryption))
const open = async (sealed: Buffer, identity: string, size?: number) =>
  buffer(await decrypt(inPieces(sealed, size), { identities: [identity] }))

describe('age files of every size around the ends of chunks', () => {
  test('are opened by ourselves and by age-encryption, and those of age-encryption by us', async () => {
    const { identity, recipient, sealed } = await makeKeys()
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    for (const size of sizes) {
      const content = randomBytes(size)
      const ours = await seal(content, sealed)
      expect((await open(ours, identity)).equals(content), `ours by us, ${size} bytes`).toBe(true)
      expect((await open(ours, identity, 7 * chunk)).equals(content), `in one piece, ${size} bytes`).toBe(true)
      expect(Buffer.from(await decrypter.decrypt(ours)).equals(content), `ours by theirs, ${size} bytes`).toBe(true)
      const theirs = Buffer.from(await encrypter.encrypt(content))
      expect(theirs.length, `${size} bytes`).toBe(ours.length)
      expect((await open(theirs, identity)).equals(content), `theirs by us, ${size} bytes`).toBe(true)
    }
  })

  test('are opened by the age command, and those of the age command by us', { timeout: 120_000 }, async ({ skip }) => {
    await promisify(execFile)('age', ['--version']).catch(() =>
      skip('NOT TESTED: that the age command opens our files, and we its (age is not installed).'),
    )
    const { identity, recipient, sealed } = await makeKeys()
    const [keyFile, path] = [join(await makeFolder(), 'identity.txt'), join(await makeFolder(), 'file.age')]
    await writeFile(keyFile, `${identity}\n`)
    for (const size of sizes) {
      const content = randomBytes(size)
      await writeFile(path, await seal(content, sealed))
      expect((await age(['-d', '-i', keyFile, path])).equals(content), `ours by age, ${size} bytes`).toBe(true)
      await age(['-r', recipient, '-o', path], content)
      expect((await open(await readFile(path), identity)).equals(content), `age's by us, ${size} bytes`).toBe(true)
    }
  })
})

function age(args: string[], input?: Buffer): Promise<Buffer> {
  const child = spawn('age', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input)
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`age ended with ${code}`))))
  })
  return Promise.all([buffer(child.stdout), ended]).then(([content]) => content)
}

test('a passphrase is opened by age-encryption, and one of age-encryption by us', { timeout: 120_000 }, async () => {
  const content = randomBytes(chunk + 5)
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  const ours = await seal(content, { kind: 'passphrase', passphrase })
  expect(Buffer.from(await decrypter.decrypt(ours)).equals(content)).toBe(true)
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(10)
  const theirs = Buffer.from(await encrypter.encrypt(content))
  expect((await buffer(await decrypt(inPieces(theirs), { identities: [], passphrase }))).equals(content)).toBe(true)
})

test('several recipients each open the same file', async () => {
  const [first, second] = [await makeKeys(), await makeKeys()]
  const content = randomBytes(chunk + 5)
  const sealed = await seal(content, { kind: 'recipients', recipients: [first.recipient, second.recipient] })
  expect((await open(sealed, first.identity)).equals(content)).toBe(true)
  expect((await open(sealed, second.identity)).equals(content)).toBe(true)
})

test('a file cut off anywhere is refused: within its header, within a chunk, and between two chunks', async () => {
  const { identity, sealed } = await makeKeys()
  for (const size of [0, 1, chunk, 3 * chunk, 3 * chunk + 1]) {
    const whole = await seal(randomBytes(size), sealed)
    const payload = whole.length - size - 16 * Math.max(1, Math.ceil(size / chunk))
    const borders = [1, 2, 3].map((chunks) => payload + chunks * (chunk + 16))
    const lengths = [0, 1, 40, payload - 17, payload - 16, payload - 1, payload, payload + 15, payload + 16]
    for (const length of [...lengths, ...borders, whole.length - 16, whole.length - 1]) {
      if (length >= whole.length) continue
      await expect(open(whole.subarray(0, length), identity), `${length} of ${whole.length}`).rejects.toThrow()
    }
  }
})

test('chunks in another order, left out, twice, or after the end are refused', async () => {
  const { identity, sealed } = await makeKeys()
  const whole = await seal(randomBytes(3 * chunk), sealed)
  const piece = chunk + 16
  const head = whole.subarray(0, whole.length - 3 * piece)
  const [a, b, c] = [0, 1, 2].map((at) => whole.subarray(head.length + at * piece, head.length + (at + 1) * piece))
  const put = (...chunks: (Buffer | undefined)[]) => Buffer.concat([head, ...chunks.map((one) => one ?? Buffer.of())])
  expect(await open(put(a, b, c), identity)).toHaveLength(3 * chunk)
  for (const wrong of [put(b, a, c), put(a, c), put(a, a, b, c), put(a, b, c, c), put(a, b, c, Buffer.of(0)), put(c)]) {
    await expect(open(wrong, identity)).rejects.toThrow()
  }
})

test('an empty chunk ends an empty file only', async () => {
  const key = randomBytes(32)
  const sealAll = (content: Buffer) => buffer(inPieces(content).pipe(encryptPayload(key, Buffer.of())))
  const openAll = (sealed: Buffer) => buffer(inPieces(sealed).pipe(decryptPayload(key)))
  expect(await openAll(await sealAll(Buffer.of()))).toHaveLength(0)
  const two = await sealAll(Buffer.alloc(chunk + 1))
  const nonce = Buffer.from('000000000000000000000101', 'hex')
  const cipher = createCipheriv('chacha20-poly1305' as 'aes-256-gcm', key, nonce, { authTagLength: 16 })
  const emptyEnd = Buffer.concat([cipher.final(), cipher.getAuthTag()])
  await expect(openAll(Buffer.concat([two.subarray(0, chunk + 16), emptyEnd]))).rejects.toThrow('an empty chunk')
})

test('memory does not grow with the file', { timeout: 120_000 }, async () => {
  const { identity, sealed } = await makeKeys()
  const megabytes = 256
  const piece = randomBytes(2 ** 20)
  const content = Readable.from(
    (function* () {
      for (let at = 0; at < megabytes; at++) yield piece
    })(),
    { objectMode: false },
  )
  const before = process.memoryUsage.rss()
  let peak = before
  const sum = createHash('sha256')
  let bytes = 0
  for await (const part of await decrypt(await encrypt(content, sealed), { identities: [identity] })) {
    sum.update(part)
    bytes += part.length
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  expect(bytes).toBe(megabytes * 2 ** 20)
  const expected = createHash('sha256')
  for (let at = 0; at < megabytes; at++) expected.update(piece)
  expect(sum.digest('hex')).toBe(expected.digest('hex'))
  expect((peak - before) / 2 ** 20).toBeLessThan(megabytes / 2)
})
