import type { Socket } from 'node:net'
import { connectSocket } from '../url-guard/connect-socket.ts'
import type { ResolvedSocket } from '../url-guard/resolve-socket.ts'
import { UrlFetchFailed, UrlRefused } from '../url-guard/url-refused.ts'
import { type Connection, ConnectionFailed } from './integration-type.ts'

export interface ServicePlace {
  host: string
  port: number
  /** Below 1024, only these. */
  ports: readonly number[]
  isEncrypted: boolean
}

/**
 * Opens the way to a server that does not speak HTTP, past the guard. Throws `ConnectionFailed`: also for a connection
 * without encryption to anything but a private host that the operator allowed.
 */
export async function openServiceSocket(
  { urlGuard }: Pick<Connection, 'urlGuard'>,
  { host, port, ports, isEncrypted }: ServicePlace,
  signal: AbortSignal,
): Promise<{ place: ResolvedSocket; socket: Socket }> {
  try {
    const place = await urlGuard.resolveSocket(host, port, { ports, signal })
    if (!isEncrypted && !place.isPrivate)
      throw new ConnectionFailed(
        'refused',
        'Without encryption, only hosts in a private network can be connected that the operator of this server allowed.',
      )
    return { place, socket: await connectSocket(place, signal) }
  } catch (error) {
    if (error instanceof UrlRefused || error instanceof UrlFetchFailed)
      throw new ConnectionFailed('unreachable', error.message, error)
    throw error
  }
}
