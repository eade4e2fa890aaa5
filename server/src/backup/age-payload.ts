import { type CipherGCMTypes, createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'

/*
 * The payload of an age file, https://c2sp.org/age: chunks of 64 KiB, each sealed with ChaCha20-Poly1305 under a nonce of
 * its number and of whether it is the last. OpenSSL does it some thirty times faster than age-encryption's JavaScript.
 */

export const nonceBytes = 16
const chunkBytes = 64 * 1024
const tagBytes = 16
// The types of Node list it under GCM, whose interface it shares.
const algorithm = 'chacha20-poly1305' as CipherGCMTypes

export function derivePayloadKey(fileKey: Uint8Array, nonce: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32))
}

/** Begins with `head`, the header and nonce of the file. */
export function encryptPayload(key: Buffer, head: Buffer): Transform {
  const nonce = new ChunkNonce()
  const seal = (content: Buffer, isLast: boolean) => {
    const cipher = createCipheriv(algorithm, key, nonce.next(isLast), { authTagLength: tagBytes })
    return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()])
  }
  const stream = transformChunks(chunkBytes, seal)
  stream.push(head)
  return stream
}

/** Gives nothing that was not proven whole, and ends only when the last chunk says that it is the last. */
export function decryptPayload(key: Buffer): Transform {
  const nonce = new ChunkNonce()
  return transformChunks(chunkBytes + tagBytes, (sealed, isLast) => {
    if (sealed.length < tagBytes) throw new Error('it ends within its encryption')
    const isFirst = nonce.isFirst
    const end = sealed.length - tagBytes
    const decipher = createDecipheriv(algorithm, key, nonce.next(isLast), { authTagLength: tagBytes })
    decipher.setAuthTag(sealed.subarray(end))
    const content = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
    } catch (cause) {
      throw new Error('its encryption does not fit its content, or its end is missing', { cause })
    }
    if (isLast && content.length === 0 && !isFirst) throw new Error('its encryption ends with an empty chunk')
    return content
  })
}

/** Eleven bytes of counter and one that is 1 in the last chunk only. */
class ChunkNonce {
  readonly #bytes = Buffer.alloc(12)
  #number = 0

  get isFirst(): boolean {
    return this.#number === 0
  }

  next(isLast: boolean): Buffer {
    this.#bytes.writeUIntBE(this.#number++, 5, 6)
    this.#bytes[11] = isLast ? 1 : 0
    return this.#bytes
  }
}

/** Calls `change` with pieces of exactly `size`, and at the end once with what is left, which may be a whole piece. */
function transformChunks(size: number, change: (piece: Buffer, isLast: boolean) => Buffer): Transform {
  let waiting: Buffer = Buffer.alloc(0)
  const guarded = (done: TransformCallback, work: () => void) => {
    try {
      work()
    } catch (error) {
      return done(error as Error)
    }
    done()
  }
  return new Transform({
    readableHighWaterMark: 4 * chunkBytes,
    writableHighWaterMark: 4 * chunkBytes,
    transform(chunk: Buffer, _encoding, done) {
      guarded(done, () => {
        waiting = waiting.length > 0 ? Buffer.concat([waiting, chunk]) : chunk
        let start = 0
        // A whole piece waits too until more comes: it may be the last.
        for (; waiting.length - start > size; start += size)
          this.push(change(waiting.subarray(start, start + size), false))
        if (start > 0) waiting = waiting.subarray(start)
      })
    },
    flush(done) {
      guarded(done, () => this.push(change(waiting, true)))
    },
  })
}
