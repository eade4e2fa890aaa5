import { Readable } from 'node:stream'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import tar from 'tar-stream'
import { readChunk } from './age-header.ts'
import { BackupError, DamagedBackup, reasonOf } from './backup-error.ts'
import { chain } from './chain-streams.ts'
import { type DecryptionKeys, decrypt, type Encryption, encrypt } from './encryption.ts'

export interface Member {
  name: string
  content: Buffer
}

/** Rows are cut into members of about this size, because a tar says the size of a member before its content. */
export const memberBytes = 4 * 2 ** 20
/** What a forged archive could make us hold in memory. */
const largestMember = 256 * 2 ** 20

const ageMagic = Buffer.from('age-encryption.org/')
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

/** tar, zstd and age over `members`, in constant memory. An error of `members` is the error of the answer. */
export async function encodeArchive(members: AsyncIterable<Member>, encryption: Encryption): Promise<Readable> {
  const pack = tar.pack()
  const feed = async () => {
    for await (const { name, content } of members) {
      // The callback comes when the reader has taken the content: it carries the backpressure.
      await new Promise<void>((resolve, reject) => {
        const entry = pack.entry({ name, mode: 0o600 }, content, (error) => (error ? reject(error) : resolve()))
        entry.on('error', reject)
      })
    }
    pack.finalize()
  }
  pack.on('error', () => {})
  feed().catch((error: Error) => pack.destroy(error))
  // On rows of logs level 1 is twice as fast as zstd's default of 3, and not larger. It works in a thread of libuv.
  const compressed = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
    chunkSize: 256 * 1024,
  })
  return encrypt(chain(Readable.from(pack), compressed), encryption)
}

/** The members of a stored backup. Throws a `BackupError` with a sentence for damage, a wrong key or another file. */
export async function* decodeArchive(stored: Readable, keys: DecryptionKeys): AsyncGenerator<Member> {
  const extract = tar.extract()
  try {
    const start = await peek(stored)
    const isEncrypted = start.subarray(0, ageMagic.length).equals(ageMagic)
    if (!isEncrypted && !start.subarray(0, zstdMagic.length).equals(zstdMagic)) {
      throw new DamagedBackup('This file is no backup of AgentExpress, or its beginning is damaged.')
    }
    const compressed = isEncrypted ? await decrypt(stored, keys) : stored
    const plain = chain(compressed, createZstdDecompress({ chunkSize: 256 * 1024 }))
    feed(plain, extract).catch((error: Error) => extract.destroy(error))
    for await (const entry of extract) {
      const size = entry.header.size ?? 0
      if (size > largestMember)
        throw new BackupError('This file is no backup of AgentExpress: it has too large a member.')
      const parts: Buffer[] = []
      for await (const part of entry as AsyncIterable<Buffer>) parts.push(part)
      yield { name: entry.header.name, content: Buffer.concat(parts) }
    }
  } catch (error) {
    if (error instanceof BackupError) throw error
    // Of the disk or the network: the file itself may be good.
    if (error instanceof Error && 'syscall' in error)
      throw new BackupError(`The backup could not be read to its end: ${reasonOf(error)}`, { cause: error })
    throw new DamagedBackup(`The backup is damaged or cut off (${reasonOf(error)}).`, { cause: error })
  } finally {
    if (!extract.destroyed) extract.destroy()
    stored.destroy()
  }
}

async function feed(source: Readable, extract: tar.Extract): Promise<void> {
  for await (const chunk of source) {
    if (!extract.write(chunk)) await untilDrained(extract)
    if (extract.destroyed) return
  }
  extract.end(() => {})
}

function untilDrained(extract: tar.Extract): Promise<void> {
  return new Promise((resolve) => {
    if (extract.destroyed) return resolve()
    const goOn = () => {
      extract.off('drain', goOn).off('close', goOn)
      resolve()
    }
    extract.on('drain', goOn).on('close', goOn)
  })
}

/** The first bytes, left in the stream. */
async function peek(stream: Readable): Promise<Buffer> {
  const chunk = await readChunk(stream)
  if (!chunk) return Buffer.alloc(0)
  stream.unshift(chunk)
  return chunk
}
