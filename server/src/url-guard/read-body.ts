import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { UrlFetchFailed } from './url-refused.ts'

/** Reads at most `maxBytes` of what the body unpacks to and then hangs up, so that a small bomb never becomes a large buffer. */
export async function readBody(
  source: Readable,
  contentEncoding: string | undefined,
  maxBytes: number,
): Promise<{ body: Buffer; isCut: boolean }> {
  const unpacked = unpack(source, contentEncoding)
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of unpacked) {
      const bytes = chunk as Buffer
      if (length + bytes.length > maxBytes) {
        chunks.push(bytes.subarray(0, maxBytes - length))
        return { body: Buffer.concat(chunks), isCut: true }
      }
      chunks.push(bytes)
      length += bytes.length
    }
    return { body: Buffer.concat(chunks), isCut: false }
  } catch (error) {
    throw explainBodyError(error)
  } finally {
    source.on('error', () => {})
    source.destroy()
    unpacked.destroy()
  }
}

/** Broken compression as UrlFetchFailed; every other error as it is. */
export function explainBodyError(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && /^(Z_|ERR_?_?(BROTLI|PADDING))/.test(String(error.code))) {
    return new UrlFetchFailed('encoding', 'The answer says it is compressed, and cannot be unpacked.', error)
  }
  return error
}

/** The body as it was before it was packed by `content-encoding`. Throws UrlFetchFailed for a packing we do not know. */
export function unpack(source: Readable, contentEncoding: string | undefined): Readable {
  const encodings = (contentEncoding ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
  // Nobody honest packs more than twice; each layer multiplies what a bomb costs us.
  if (encodings.length > 2) throw new UrlFetchFailed('encoding', 'The answer is compressed too many times over.')
  let unpacked = source
  for (const encoding of encodings.reverse()) {
    unpacked = pipeline(unpacked, decompressor(encoding), () => {})
  }
  return unpacked
}

function decompressor(encoding: string): Transform {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  if (encoding === 'br') return createBrotliDecompress()
  throw new UrlFetchFailed('encoding', `The answer is packed in a way that is not supported: ${encoding.slice(0, 20)}.`)
}
