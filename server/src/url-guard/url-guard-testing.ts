import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Lookup } from './resolve-host.ts'
import { createUrlGuard, type UrlGuardOptions } from './url-guard.ts'
import { UrlFetchFailed, UrlRefused } from './url-refused.ts'

/** A real server for one test, on a port of its own. */
export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  const port = (server.address() as AddressInfo).port
  return { port, url: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}`, seen }
}

export const noLookup: Lookup = async (hostname) => {
  throw new Error(`must not be looked up: ${hostname}`)
}

export function guardWith(options: Partial<UrlGuardOptions> = {}) {
  return createUrlGuard({
    allowedPrivateHosts: [],
    maxBytes: 100_000,
    timeoutMs: 3000,
    maxRedirects: 3,
    lookup: noLookup,
    ...options,
  })
}

/** The reason of the guard's refusal or failure. */
export const refused = (fetching: Promise<unknown>) =>
  fetching.then(
    () => 'fetched',
    (error: unknown) => (error instanceof UrlRefused || error instanceof UrlFetchFailed ? error.reason : error),
  )
