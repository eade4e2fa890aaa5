import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import type { Hop } from './hop.ts'
import type { ResolvedAddress } from './resolve-host.ts'

export interface PinnedAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Readable
  /** Hangs up and frees the socket; the body is not to be read any more. */
  close(): Promise<void>
}

/**
 * One request to the addresses that were checked and to nothing else. Each has an agent of its own, so no socket is ever
 * used again for a name that was not resolved and checked for it.
 */
export async function requestPinned(
  url: URL,
  hop: Hop<string | Uint8Array | Readable>,
  addresses: ResolvedAddress[],
  signal: AbortSignal,
): Promise<PinnedAnswer> {
  const agent = new Agent({
    connect: {
      lookup: (_hostname, lookupOptions, callback) => {
        const first = addresses[0]
        if (lookupOptions.all) callback(null, addresses)
        else callback(null, first?.address ?? '', first?.family)
      },
      timeout: 10_000,
    },
    maxHeaderSize: 32_768,
    pipelining: 0,
    // The caller's signal bounds the whole; these defaults of five minutes would cut long silent streams before it.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  try {
    const response = await request(url, {
      dispatcher: agent,
      method: hop.method as 'GET',
      headers: hop.headers,
      body: hop.body ?? null,
      signal,
    })
    const body = response.body
    const close = async () => {
      body.on('error', () => {})
      body.destroy()
      await agent.destroy()
    }
    return { status: response.statusCode, headers: response.headers, body, close }
  } catch (error) {
    await agent.destroy()
    throw error
  }
}
