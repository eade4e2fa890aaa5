import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { checkUrl } from './check-url.ts'
import { followRedirects } from './follow-redirects.ts'
import { requestHeaders } from './hop.ts'
import type { PinnedAnswer } from './pinned-request.ts'
import { explainBodyError, unpack } from './read-body.ts'
import type { AllowedHosts, Lookup } from './resolve-host.ts'
import { UrlFetchFailed, UrlRefused } from './url-refused.ts'

export interface FetchBounds {
  /** Counted after decompression; reading on fails with UrlFetchFailed `too-large`. */
  maxBytes: number
  /** For everything together, the last byte of the body included. */
  timeoutMs: number
  maxRedirects: number
}

/**
 * `fetch` of the Fetch standard behind the guard's checks, for libraries that take one. Rejects with UrlRefused or
 * UrlFetchFailed; a body that grows over the bounds fails while it is read.
 */
export function createGuardedFetch(allowed: AllowedHosts, lookup: Lookup, bounds: FetchBounds): typeof fetch {
  return async (input, init) => {
    const url = checkUrl(input instanceof Request ? input.url : String(input))
    const request = new Request(input instanceof Request ? input : url, {
      ...init,
      ...(init?.body && { duplex: 'half' }),
    })
    const clock = startClock(bounds.timeoutMs, request.signal)
    try {
      request.signal.throwIfAborted()
      const body = await readRequestBody(request, init?.body)
      const hop = { method: request.method.toUpperCase(), headers: requestHeaders(request.headers, undefined), body }
      const { maxRedirects } = bounds
      const { redirect } = request
      const end = await followRedirects(url, hop, { allowed, lookup, maxRedirects, redirect, signal: clock.signal })
      return toResponse(end, bounds, clock)
    } catch (error) {
      clock.stop()
      throw clock.explain(error)
    }
  }
}

interface Clock {
  signal: AbortSignal
  stop(): void
  explain(error: unknown): unknown
}

/** Runs until the body is read to its end or left; aborts with the caller's reason or when the time is over. */
function startClock(timeoutMs: number, callerSignal: AbortSignal): Clock {
  const abort = new AbortController()
  let isOver = false
  const onCallerAbort = () => abort.abort(callerSignal.reason)
  const timer = setTimeout(() => {
    isOver = true
    abort.abort(new UrlFetchFailed('timeout', `No whole answer came within ${timeoutMs / 1000} seconds.`))
  }, timeoutMs)
  timer.unref()
  callerSignal.addEventListener('abort', onCallerAbort, { once: true })
  return {
    signal: abort.signal,
    stop() {
      clearTimeout(timer)
      callerSignal.removeEventListener('abort', onCallerAbort)
    },
    explain(error) {
      if (error instanceof UrlRefused || error instanceof UrlFetchFailed) return error
      if (isOver) return abort.signal.reason
      if (callerSignal.aborted) return callerSignal.reason
      return new UrlFetchFailed('network', 'The connection failed.', error)
    },
  }
}

/** A body that is there as a whole can be sent again after a redirect; a stream is sent once, as it comes. */
async function readRequestBody(request: Request, given: BodyInit | null | undefined) {
  if (request.body === null) return undefined
  const isStream =
    given instanceof ReadableStream || (typeof given === 'object' && given !== null && Symbol.asyncIterator in given)
  if (isStream) return Readable.fromWeb(request.body as NodeReadableStream)
  return new Uint8Array(await request.arrayBuffer())
}

function toResponse(
  end: { url: URL; redirects: number; method: string; answer: PinnedAnswer },
  bounds: FetchBounds,
  clock: Clock,
): Response {
  const { answer } = end
  const { status } = answer
  const leave = () => {
    clock.stop()
    return answer.close()
  }
  const hasBody = end.method !== 'HEAD' && ![204, 205, 304].includes(status)
  const encoding = hasBody ? textOf(answer.headers['content-encoding']) : undefined
  if (status < 200 || status > 599) {
    void leave()
    throw new UrlFetchFailed('network', `The server answered with the status ${status}, which has no meaning.`)
  }
  let body: ReadableStream<Uint8Array> | null = null
  if (hasBody) body = boundedStream(answer, encoding, bounds.maxBytes, clock, leave)
  else void leave()
  const response = new Response(body as BodyInit | null, { status, headers: responseHeaders(answer, encoding) })
  Object.defineProperties(response, { url: { value: end.url.href }, redirected: { value: end.redirects > 0 } })
  return response
}

function boundedStream(
  answer: PinnedAnswer,
  encoding: string | undefined,
  maxBytes: number,
  clock: Clock,
  leave: () => Promise<void>,
): ReadableStream<Uint8Array> {
  const unpacked = unpack(answer.body, encoding)
  const chunks = unpacked[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  let length = 0
  const stop = async (error?: Error) => {
    clock.signal.removeEventListener('abort', onAbort)
    unpacked.destroy(error)
    await leave()
  }
  // Frees the socket also when nobody reads the body; the error makes a reader fail rather than take a part for the whole.
  const onAbort = () => void stop(clock.signal.reason instanceof Error ? clock.signal.reason : new Error('aborted'))
  for (const stream of [unpacked, answer.body]) stream.on('error', () => {})
  clock.signal.addEventListener('abort', onAbort, { once: true })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await chunks.next()
          clock.signal.throwIfAborted()
          if (done) {
            await stop()
            return controller.close()
          }
          length += value.length
          if (length > maxBytes) {
            throw new UrlFetchFailed('too-large', `The answer is longer than ${maxBytes.toLocaleString('en')} bytes.`)
          }
          controller.enqueue(new Uint8Array(value))
        } catch (error) {
          await stop()
          controller.error(clock.explain(explainBodyError(error)))
        }
      },
      cancel: () => stop(),
    },
    { highWaterMark: 0 },
  )
}

function responseHeaders(answer: PinnedAnswer, encoding: string | undefined): Headers {
  const headers = new Headers()
  for (const [name, values] of Object.entries(answer.headers)) {
    // The body comes unpacked, so these two would describe something else.
    if (encoding !== undefined && (name === 'content-encoding' || name === 'content-length')) continue
    for (const value of Array.isArray(values) ? values : [values ?? '']) {
      try {
        headers.append(name, value)
      } catch {
        // A header that the Fetch standard cannot hold, such as one with characters beyond Latin-1, is left out.
      }
    }
  }
  return headers
}

const textOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value)
