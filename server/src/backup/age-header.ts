import { finished, type Readable } from 'node:stream'
import type { Decrypter, Encrypter } from 'age-encryption'
import { derivePayloadKey, nonceBytes } from './age-payload.ts'

/** More recipients than anybody has; a forged file must not make us hold more. */
const largestHeader = 2 ** 20
/** Begins the last line of a header; the lines before it are base64 or begin with an arrow. */
const lastLine = Buffer.from('\n--- ')

export interface AgeHead {
  /** Header and nonce: all that stands before the payload. */
  bytes: Buffer
  key: Buffer
}

/** A new file's head, for the recipients that `encrypter` has. */
export async function makeHead(encrypter: Encrypter): Promise<AgeHead> {
  let fileKey: Uint8Array | undefined
  // Adds nothing to the file: it is how age-encryption tells its key.
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = key
      return []
    },
  })
  const empty = Buffer.from(await encrypter.encrypt(new Uint8Array()))
  const header = empty.subarray(0, findHeaderEnd(empty) ?? 0)
  if (!fileKey) throw new Error('age-encryption gave no key for the file')
  const bytes = empty.subarray(0, header.length + nonceBytes)
  return { bytes, key: derivePayloadKey(fileKey, bytes.subarray(header.length)) }
}

/** Takes the head out of `stored` and leaves the payload in it. Throws what `decrypter` says when no key fits. */
export async function readHead(stored: Readable, decrypter: Decrypter): Promise<AgeHead> {
  let read: Buffer = Buffer.alloc(0)
  for (;;) {
    const end = findHeaderEnd(read)
    if (end !== null && read.length >= end + nonceBytes) {
      const [header, nonce] = [read.subarray(0, end), read.subarray(end, end + nonceBytes)]
      if (read.length > end + nonceBytes) stored.unshift(read.subarray(end + nonceBytes))
      const key = derivePayloadKey(await decrypter.decryptHeader(header), nonce)
      return { bytes: Buffer.concat([header, nonce]), key }
    }
    if (read.length > largestHeader) throw new Error('the header of its encryption does not end')
    const chunk = await readChunk(stored)
    if (chunk === null) throw new Error('it ends within the header of its encryption')
    read = Buffer.concat([read, chunk])
  }
}

function findHeaderEnd(bytes: Buffer): number | null {
  const start = bytes.indexOf(lastLine)
  const end = start < 0 ? -1 : bytes.indexOf('\n', start + 1)
  return end < 0 ? null : end + 1
}

/** Null at the end. What follows stays in the stream, unlike with an iterator, which would end it. */
export async function readChunk(stream: Readable): Promise<Buffer | null> {
  for (;;) {
    const chunk: Buffer | null = stream.read()
    if (chunk) return chunk
    if (stream.readableEnded) return null
    await new Promise<void>((resolve, reject) => {
      const forget = () => {
        stream.off('readable', goOn)
        stopWatching()
      }
      const goOn = () => {
        forget()
        resolve()
      }
      const stopWatching = finished(stream, { writable: false }, (error) => {
        forget()
        if (error) reject(error)
        else resolve()
      })
      stream.on('readable', goOn)
    })
  }
}
