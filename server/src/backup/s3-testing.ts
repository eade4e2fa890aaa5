import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

export const s3Keys = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret/+test', region: 'eu-test-1' }
const smallestPart = 5 * 2 ** 20

interface Upload {
  key: string
  parts: Map<number, Buffer>
  initiated: Date
}

/**
 * The S3 wire format as its API reference has it, with its own reading of Signature Version 4 and the refusals that
 * clients stumble over: wrong signatures and content hashes, small parts, wrong ETags, two keys a page of a listing.
 */
export class S3TestServer {
  readonly objects = new Map<string, Buffer>()
  readonly uploads = new Map<string, Upload>()
  /** Answers that come next instead of the real ones. */
  readonly failures: number[] = []
  /** Breaks the next download off after so many bytes. */
  cutNextDownload: number | null = null
  /** Answers 200 to the next completion with an error in it, as S3 may. */
  failNextCompletion = false
  /** Carries the next completion out, but its answer is lost. */
  loseNextCompletion = false
  #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => this.stop())
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const url = new URL(request.url ?? '/', 'http://host')
    const fail = (status: number, code: string, message = code) =>
      respond(response, status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`)
    const failure = this.failures.shift()
    if (failure === 0) {
      response.destroy()
      return
    }
    if (failure) return fail(failure, 'SlowDown', 'Please reduce your request rate.')
    const refused = checkSignature(request, url, body)
    if (refused) return fail(403, refused)
    const [, bucket, ...rest] = decodeURIComponent(url.pathname).split('/')
    if (bucket !== 'bucket') return fail(404, 'NoSuchBucket', 'The specified bucket does not exist')
    const key = rest.join('/')
    const query = url.searchParams
    const uploadId = query.get('uploadId')
    if (request.method === 'GET' && key === '' && query.has('uploads')) return this.#listUploads(response)
    if (request.method === 'GET' && key === '') return this.#list(response, query)
    if (request.method === 'POST' && query.has('uploads')) {
      const id = randomBytes(9).toString('base64')
      this.uploads.set(id, { key, parts: new Map(), initiated: new Date() })
      return respond(
        response,
        200,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    if (uploadId !== null) {
      const upload = this.uploads.get(uploadId)
      if (!upload || upload.key !== key) return fail(404, 'NoSuchUpload')
      if (request.method === 'PUT') {
        upload.parts.set(Number(query.get('partNumber')), body)
        return respond(response, 200, '', { etag: etagOf(body) })
      }
      this.uploads.delete(uploadId)
      if (request.method === 'DELETE') return respond(response, 204, '')
      if (this.failNextCompletion) {
        this.failNextCompletion = false
        return fail(200, 'InternalError', 'We encountered an internal error.')
      }
      const listed = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag>/g)]
      const parts = listed.map(([, number, etag]) => ({ content: upload.parts.get(Number(number)), etag }))
      if (parts.some(({ content, etag }) => !content || etagOf(content) !== etag)) return fail(400, 'InvalidPart')
      if (parts.slice(0, -1).some(({ content }) => (content?.length ?? 0) < smallestPart))
        return fail(400, 'EntityTooSmall')
      this.objects.set(key, Buffer.concat(parts.map(({ content }) => content ?? Buffer.alloc(0))))
      if (this.loseNextCompletion) {
        this.loseNextCompletion = false
        response.destroy()
        return
      }
      return respond(response, 200, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
    }
    if (request.method === 'PUT') {
      this.objects.set(key, body)
      return respond(response, 200, '', { etag: etagOf(body) })
    }
    if (request.method === 'DELETE') {
      this.objects.delete(key)
      return respond(response, 204, '')
    }
    const found = this.objects.get(key)
    if (!found) return fail(404, 'NoSuchKey', 'The specified key does not exist.')
    return this.#download(request, response, found)
  }

  #download(request: IncomingMessage, response: ServerResponse, found: Buffer): void {
    const etag = etagOf(found)
    if (request.headers['if-match'] && request.headers['if-match'] !== etag) {
      respond(response, 412, '<Error><Code>PreconditionFailed</Code></Error>')
      return
    }
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const content = found.subarray(start)
    response.writeHead(start > 0 ? 206 : 200, { etag, 'content-length': content.length })
    if (this.cutNextDownload === null) {
      response.end(content)
      return
    }
    response.write(content.subarray(0, this.cutNextDownload), () => response.destroy())
    this.cutNextDownload = null
  }

  #list(response: ServerResponse, query: URLSearchParams): void {
    const prefix = query.get('prefix') ?? ''
    const after = query.get('continuation-token') ?? ''
    const keys = [...this.objects.keys()].sort().filter((key) => key.startsWith(prefix) && key > after)
    const direct = keys.filter((key) => !key.slice(prefix.length).includes('/'))
    const page = direct.slice(0, 2)
    const entries = page.map(
      (key) =>
        `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>${new Date().toISOString()}</LastModified><Size>${this.objects.get(key)?.length}</Size></Contents>`,
    )
    const isTruncated = direct.length > 2
    const token = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    respond(
      response,
      200,
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${token}${entries.join('')}</ListBucketResult>`,
    )
  }

  #listUploads(response: ServerResponse): void {
    const entries = [...this.uploads].map(
      ([id, { key, initiated }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
    )
    respond(response, 200, `<ListMultipartUploadsResult>${entries.join('')}</ListMultipartUploadsResult>`)
  }
}

function respond(response: ServerResponse, status: number, xml: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(xml)
}

function etagOf(content: Buffer): string {
  return `"${createHash('md5').update(content).digest('hex')}"`
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; answers the code of the refusal. */
function checkSignature(request: IncomingMessage, url: URL, body: Buffer): string | null {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? '',
  )
  if (!match) return 'AccessDenied'
  const [, credential = '', signedHeaders = '', signature = ''] = match
  const [accessKeyId, date = '', region = '', service = '', end = ''] = credential.split('/')
  if (accessKeyId !== s3Keys.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== s3Keys.region || service !== 's3' || end !== 'aws4_request') return 'AuthorizationHeaderMalformed'
  const hash = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')
  if (request.headers['x-amz-content-sha256'] !== hash(body)) return 'XAmzContentSHA256Mismatch'
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
  const path = decodeURIComponent(url.pathname).split('/').map(encode).join('/')
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const names = signedHeaders.split(';')
  const headers = names.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`).join('')
  const canonical = [request.method, path, query.join('&'), headers, signedHeaders, hash(body)].join('\n')
  const time = String(request.headers['x-amz-date'])
  const toSign = ['AWS4-HMAC-SHA256', time, `${date}/${region}/${service}/${end}`, hash(canonical)].join('\n')
  let key: string | Buffer = `AWS4${s3Keys.secretAccessKey}`
  for (const part of [date, region, service, end]) key = createHmac('sha256', key).update(part).digest()
  const expected = createHmac('sha256', key).update(toSign).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch'
}
