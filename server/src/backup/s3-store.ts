import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsClient } from 'aws4fetch'
import type { Config } from '../config.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import { type BackupStore, leftoverAgeMs, type StoredFile } from './backup-store.ts'
import { readElements, readText } from './s3-xml.ts'

/** 10,000 parts are the most an upload may have: 312 GiB. All parts but the last must be of one size (Cloudflare R2). */
const partBytes = 32 * 2 ** 20
const attempts = 5

type Options = NonNullable<Config['backup']['s3']>

/** A bucket of any S3-compatible server, addressed by path: `https://host/bucket/prefix`. */
export class S3Store implements BackupStore {
  readonly label: string
  readonly #client: AwsClient
  readonly #bucket: string
  readonly #prefix: string

  constructor({ url, region, accessKeyId, secretAccessKey }: Options) {
    const parsed = new URL(url)
    const [bucket = '', ...rest] = parsed.pathname.split('/').filter(Boolean)
    if (bucket === '')
      throw new BackupError('BACKUP_S3_URL names no bucket: https://host/bucket or https://host/bucket/folder.')
    this.label = url
    this.#bucket = `${parsed.origin}/${bucket}`
    this.#prefix = rest.map((part) => `${part}/`).join('')
    // Retries are ours: the client's own pass over lost connections.
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 })
  }

  async list(): Promise<StoredFile[]> {
    const files: StoredFile[] = []
    let token: string | undefined
    do {
      const query = new URLSearchParams({
        'list-type': '2',
        prefix: this.#prefix,
        delimiter: '/',
        'encoding-type': 'url',
      })
      if (token) query.set('continuation-token', token)
      const xml = await (await this.#request('GET', `${this.#bucket}?${query}`)).text()
      for (const entry of readElements(xml, 'Contents')) {
        const key = decodeURIComponent((readText(entry, 'Key') ?? '').replaceAll('+', ' '))
        files.push({
          name: key.slice(this.#prefix.length),
          bytes: Number(readText(entry, 'Size')),
          modifiedAt: new Date(readText(entry, 'LastModified') ?? 0),
        })
      }
      token = readText(xml, 'IsTruncated') === 'true' ? readText(xml, 'NextContinuationToken') : undefined
    } while (token)
    return files
  }

  async read(name: string): Promise<Readable> {
    const first = await this.#request('GET', this.#url(name), { missing: true })
    if (first === null) throw new BackupError(`There is no backup ${name} at ${this.label}.`)
    return Readable.from(this.#readOn(name, first), { objectMode: false, highWaterMark: 2 ** 20 })
  }

  /** Goes on after a lost connection where it was, as long as the object is the same. */
  async *#readOn(name: string, first: Response): AsyncGenerator<Uint8Array> {
    const etag = first.headers.get('etag')
    const total = Number(first.headers.get('content-length'))
    let position = 0
    let response = first
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const chunk of response.body ?? []) {
          position += chunk.length
          attempt = 1
          yield chunk
        }
        if (!total || position >= total) return
        throw new Error(`${position} of ${total} bytes came`)
      } catch (cause) {
        if (attempt === attempts || !etag) throw this.#describe(cause)
        const headers = { range: `bytes=${position}-`, 'if-match': etag }
        response = await this.#request('GET', this.#url(name), { headers })
      }
    }
  }

  async write(name: string, content: Readable): Promise<void> {
    const url = this.#url(name)
    const started = await (await this.#request('POST', `${url}?uploads=`)).text()
    const uploadId = readText(started, 'UploadId')
    if (!uploadId) throw new BackupError(`${this.label} did not begin an upload.`)
    const upload = `uploadId=${encodeURIComponent(uploadId)}`
    let isWhole = false
    try {
      const etags: string[] = []
      for await (const part of cutParts(content)) {
        const number = etags.length + 1
        if (number > 10_000) throw new BackupError('The backup is larger than 312 GiB, the most one upload holds.')
        const response = await this.#request('PUT', `${url}?partNumber=${number}&${upload}`, { body: part })
        etags.push(response.headers.get('etag') ?? '')
      }
      const parts = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
      isWhole = true
      const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
      const done = await (await this.#request('POST', `${url}?${upload}`, { body: Buffer.from(body) })).text()
      // It may fail after the status 200 was sent.
      if (/<Error>/.test(done))
        throw new BackupError(`${this.label} did not finish the upload: ${readText(done, 'Message')}`)
    } catch (error) {
      content.destroy()
      await this.#request('DELETE', `${url}?${upload}`).catch(() => {})
      // When the answer to the end was lost the object is there. Without its record it would count as a backup all the same.
      if (isWhole) await this.remove(name).catch(() => {})
      throw error
    }
  }

  async readText(name: string): Promise<string | null> {
    const response = await this.#request('GET', this.#url(name), { missing: true })
    return response === null ? null : response.text()
  }

  async writeText(name: string, text: string): Promise<void> {
    await this.#request('PUT', this.#url(name), { body: Buffer.from(text) })
  }

  async remove(name: string): Promise<void> {
    await this.#request('DELETE', this.#url(name), { missing: true })
  }

  async removeLeftovers(now = new Date()): Promise<number> {
    const query = new URLSearchParams({ uploads: '', prefix: this.#prefix })
    const xml = await (await this.#request('GET', `${this.#bucket}?${query}`)).text()
    let removed = 0
    for (const upload of readElements(xml, 'Upload')) {
      const [key, id] = [readText(upload, 'Key'), readText(upload, 'UploadId')]
      const startedAt = new Date(readText(upload, 'Initiated') ?? now)
      if (!key || !id || now.getTime() - startedAt.getTime() < leftoverAgeMs) continue
      await this.#request('DELETE', `${this.#url(key.slice(this.#prefix.length))}?uploadId=${encodeURIComponent(id)}`)
      removed++
    }
    return removed
  }

  #url(name: string): string {
    return `${this.#bucket}/${this.#prefix}${encodeURIComponent(name)}`
  }

  #request(method: string, url: string, options: { missing: true; body?: Buffer }): Promise<Response | null>
  #request(
    method: string,
    url: string,
    options?: { body?: Buffer; headers?: Record<string, string> },
  ): Promise<Response>
  async #request(
    method: string,
    url: string,
    { body, headers = {}, missing }: { body?: Buffer; headers?: Record<string, string>; missing?: boolean } = {},
  ): Promise<Response | null> {
    for (let attempt = 1; ; attempt++) {
      // Of the answer's beginning; its body may take hours, and has the client's own limit for silence.
      const patience = new AbortController()
      const timer = setTimeout(() => patience.abort(new Error('no answer within five minutes')), 300_000)
      const response = await this.#client
        .fetch(url, {
          method,
          // Signed with its content, so that a part damaged on the way is refused by the server.
          headers: { ...headers, 'x-amz-content-sha256': hash('sha256', body ?? '') },
          body: body && new Uint8Array(body),
          signal: patience.signal,
        })
        .catch((error: unknown) => error)
        .finally(() => clearTimeout(timer))
      if (response instanceof Response) {
        if (response.ok) return response
        if (response.status === 404 && missing) return null
        const text = await response.text()
        const isPassing = response.status >= 500 || response.status === 429
        if (!isPassing || attempt === attempts) throw refusal(this.label, response.status, text)
      } else if (attempt === attempts) {
        throw this.#describe(response)
      }
      await sleep(200 * 2 ** attempt)
    }
  }

  #describe(cause: unknown): BackupError {
    const reason = cause instanceof Error && cause.cause ? reasonOf(cause.cause) : reasonOf(cause)
    return new BackupError(
      `The bucket ${this.label} (BACKUP_S3_URL) cannot be reached: ${reason}. Check the address and the network, and try again.`,
      { cause },
    )
  }
}

function refusal(label: string, status: number, text: string): BackupError {
  const code = readText(text, 'Code')
  const advice: Record<string, string> = {
    NoSuchBucket: 'Create the bucket, or correct BACKUP_S3_URL.',
    InvalidAccessKeyId: 'Check BACKUP_S3_ACCESS_KEY_ID.',
    SignatureDoesNotMatch: 'Check BACKUP_S3_SECRET_ACCESS_KEY and BACKUP_S3_REGION.',
    AuthorizationHeaderMalformed: 'Check BACKUP_S3_REGION.',
    AccessDenied: 'The key needs the rights to list the bucket and to read, write and delete objects.',
  }
  const message = readText(text, 'Message') ?? ''
  return new BackupError(
    `The bucket ${label} answers ${status} ${code ?? ''}: ${message} ${advice[code ?? ''] ?? ''}`.trim(),
  )
}

async function* cutParts(content: Readable): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of content as AsyncIterable<Buffer>) {
    parts.push(chunk)
    length += chunk.length
    if (length < partBytes) continue
    const whole = Buffer.concat(parts, length)
    yield whole.subarray(0, partBytes)
    parts = [Buffer.from(whole.subarray(partBytes))]
    length -= partBytes
  }
  if (length > 0) yield Buffer.concat(parts, length)
}
