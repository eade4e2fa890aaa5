import { STATUS_CODES } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

export interface ModelFetchOptions {
  /** Largest answer taken from a provider, streamed or not. */
  maxResponseBytes?: number
  connectTimeoutMs?: number
  /** Open connections to one origin; further requests wait for a free one. */
  connections?: number
}

export interface ModelFetch {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** Ends idle connections; running requests finish first. */
  close(): Promise<void>
}

export interface CallTimeouts {
  /** From the request to the head of the answer. */
  firstByteMs: number
  /** Between two pieces of the answer, counted in bytes: a ping of the provider is a sign of life. */
  idleMs: number
}

/** A success status whose body is a web page: a proxy, a login page or a wrong base URL answered instead of the provider. */
export class UnexpectedContentError extends Error {
  readonly contentType: string
  constructor(status: number, contentType: string) {
    super(`Status ${status} with ${contentType || 'no content type'} instead of JSON`)
    this.name = 'UnexpectedContentError'
    this.contentType = contentType
  }
}

/** The answer had begun when the connection failed. */
class ResponseCutError extends Error {
  readonly statusCode: number
  constructor(statusCode: number, cause: Error) {
    super(cause.message, { cause })
    this.name = 'ResponseCutError'
    this.statusCode = statusCode
  }
}

const timeoutsOfSignal = new WeakMap<AbortSignal, CallTimeouts>()

/** The providers hand only the signal through to fetch, so the timeouts of a call travel with it. */
export function setCallTimeouts(signal: AbortSignal, timeouts: CallTimeouts): void {
  timeoutsOfSignal.set(signal, timeouts)
}

/**
 * `fetch` for model providers on an undici pool: half the CPU of the global one. It never follows a redirect, because
 * the key would go along, and it may call private addresses, because only the operator sets the URLs (Ollama).
 */
export function createModelFetch(options: ModelFetchOptions = {}): ModelFetch {
  const pools = new Map<string, Pool>()
  // Few URLs, used for ever; parsing one costs as much as the rest of this function.
  const targets = new Map<string, { pool: Pool; path: string }>()

  function findTarget(address: string) {
    const known = targets.get(address)
    if (known) return known
    const url = new URL(address)
    let pool = pools.get(url.origin)
    if (!pool) {
      pool = new Pool(url.origin, {
        connections: options.connections ?? 256,
        connect: { timeout: options.connectTimeoutMs ?? 10_000 },
        keepAliveTimeout: 60_000,
        maxResponseSize: options.maxResponseBytes ?? 20 * 1024 * 1024,
        allowH2: false,
      })
      pools.set(url.origin, pool)
    }
    const target = { pool, path: url.pathname + url.search }
    if (targets.size >= 1000) targets.clear()
    targets.set(address, target)
    return target
  }

  const modelFetch = (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { pool, path } = findTarget(input instanceof Request ? input.url : String(input))
    const signal = init.signal ?? null
    const timeouts = signal ? timeoutsOfSignal.get(signal) : undefined
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError())
      pool.dispatch(
        {
          path,
          method: (init.method ?? 'GET') as Dispatcher.HttpMethod,
          headers:
            init.headers instanceof Headers
              ? Object.fromEntries(init.headers)
              : (init.headers as Record<string, string> | undefined),
          body: init.body as string,
          headersTimeout: timeouts?.firstByteMs ?? 300_000,
          bodyTimeout: timeouts?.idleMs ?? 300_000,
        },
        new ResponseReader(signal, resolve, reject),
      )
    })
  }
  modelFetch.close = async () => {
    await Promise.all([...pools.values()].map((pool) => pool.close()))
  }
  return modelFetch
}

/** Collects an answer into one light response object, or passes an event stream on as it comes. */
class ResponseReader implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal | null
  readonly #resolve: (response: Response) => void
  readonly #reject: (error: Error) => void
  readonly #onAbort = () => this.#fail(abortError())
  #controller: Dispatcher.DispatchController | null = null
  #stream: ReadableStreamDefaultController<Uint8Array> | null = null
  #chunks: Buffer[] = []
  #status = 0
  #headers: Record<string, string | string[] | undefined> = {}
  #isOver = false

  constructor(signal: AbortSignal | null, resolve: (response: Response) => void, reject: (error: Error) => void) {
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    signal?.addEventListener('abort', this.#onAbort)
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    this.#controller = controller
    // Aborted while it waited for a free connection.
    if (this.#isOver) controller.abort(abortError())
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ) {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    const contentType = String(headers['content-type'] ?? '')
    if (status < 300 && contentType.startsWith('text/html')) {
      return this.#fail(new UnexpectedContentError(status, contentType))
    }
    if (!contentType.startsWith('text/event-stream')) return
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        this.#stream = stream
      },
      pull: () => controller.resume(),
      cancel: () => this.#fail(abortError()),
    })
    this.#resolve(new Response(body, { status, headers: plainHeaders(headers) }))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer) {
    if (this.#isOver) return
    if (!this.#stream) {
      this.#chunks.push(chunk)
      return
    }
    this.#stream.enqueue(chunk)
    if ((this.#stream.desiredSize ?? 0) <= 0) controller.pause()
  }

  onResponseEnd() {
    if (!this.#end()) return
    if (this.#stream) return this.#stream.close()
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    this.#resolve(createWholeResponse(this.#status, this.#headers, bytes))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error) {
    if (!this.#end()) return
    if (this.#stream) this.#stream.error(error)
    else this.#reject(this.#status === 0 ? error : new ResponseCutError(this.#status, error))
  }

  #fail(error: Error) {
    if (!this.#end()) return
    if (this.#stream) {
      // A cancelled stream is closed already and refuses an error.
      try {
        this.#stream.error(error)
      } catch {}
    } else this.#reject(error)
    this.#controller?.abort(error)
  }

  #end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}

function abortError(): Error {
  return new DOMException('The call was aborted', 'AbortError')
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): [string, string][] {
  const list: [string, string][] = []
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) list.push([name, Array.isArray(value) ? value.join(', ') : value])
  }
  return list
}

/**
 * What the AI SDK reads of a response, and nothing else: `status`, `ok`, `statusText`, `headers` (`get`, iteration) and
 * a body that is read once. A real `Response` around a web stream costs several times as much for every answer.
 */
function createWholeResponse(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  bytes: Uint8Array,
): Response {
  let isRead = false
  const reader = {
    read: async () => {
      if (isRead || bytes.length === 0) return { done: true, value: undefined }
      isRead = true
      return { done: false, value: bytes }
    },
    cancel: async () => {},
    releaseLock: () => {},
  }
  const response = {
    status,
    ok: status >= 200 && status < 300,
    statusText: STATUS_CODES[status] ?? '',
    headers: {
      get: (name: string) => {
        const value = headers[name.toLowerCase()]
        return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
      },
      [Symbol.iterator]: () => plainHeaders(headers)[Symbol.iterator](),
    },
    body: { getReader: () => reader, cancel: async () => {} },
    text: async () => new TextDecoder().decode(bytes),
    json: async () => JSON.parse(new TextDecoder().decode(bytes)),
  }
  // The cast is sound for the readers named above; http-fetch.test.ts runs every provider against it.
  return response as unknown as Response
}
