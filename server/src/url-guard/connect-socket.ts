import { connect, type Socket } from 'node:net'
import type { ResolvedSocket } from './resolve-socket.ts'
import { UrlFetchFailed } from './url-refused.ts'

const connectTimeoutMs = 10_000

/**
 * An open TCP connection to one of the checked addresses, tried one after the other. The signal is watched until it is open.
 * Throws UrlFetchFailed, and what the signal says.
 */
export async function connectSocket({ host, port, addresses }: ResolvedSocket, signal: AbortSignal): Promise<Socket> {
  const perAddressMs = Math.max(2000, connectTimeoutMs / Math.max(1, addresses.length))
  let failure: unknown
  for (const { address } of addresses) {
    const timeout = AbortSignal.timeout(perAddressMs)
    try {
      return await connectTo(address, port, AbortSignal.any([signal, timeout]))
    } catch (error) {
      signal.throwIfAborted()
      failure = error
    }
  }
  throw new UrlFetchFailed('network', `Nothing answers at ${host}, port ${port}.`, failure)
}

function connectTo(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port })
    const end = (error: unknown) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(error)
    }
    const onAbort = () => end(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', end)
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort)
      socket.off('error', end)
      // Until whoever asked for it listens, an error must not end the process.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}
