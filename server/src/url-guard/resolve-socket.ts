import { checkUrl, hostOf } from './check-url.ts'
import { isPrivateAddress } from './private-addresses.ts'
import { type AllowedHosts, type Lookup, type ResolvedAddress, resolveHost } from './resolve-host.ts'
import { UrlRefused } from './url-refused.ts'

export interface ResolvedSocket {
  /** As DNS and certificates know it, without the brackets of IPv6. */
  host: string
  port: number
  /** All of them checked; connect to nothing else. */
  addresses: ResolvedAddress[]
  /** In a network of the operator's, who allowed it: there, a connection without encryption can be all right. */
  isPrivate: boolean
}

/** `ports`: those below 1024 that the service is known by; from 1024 up each is allowed, as for URLs. */
export type SocketResolver = (
  host: string,
  port: number,
  options: { ports: readonly number[]; signal?: AbortSignal },
) => Promise<ResolvedSocket>

export function createSocketResolver(allowed: AllowedHosts, lookup: Lookup): SocketResolver {
  return async (host, port, { ports, signal }) => {
    const url = toUrl(host, port)
    const addresses = await orAbort(resolveHost(url, allowed, lookup, ports), signal)
    return {
      host: hostOf(url),
      port,
      addresses,
      isPrivate: addresses.every(({ address }) => isPrivateAddress(address)),
    }
  }
}

/** Through the URL parser, which knows every spelling of an address: `2130706433` and `0x7f.1` are 127.0.0.1. */
function toUrl(host: string, port: number): URL {
  const name = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new UrlRefused('port', 'This is not a port.')
  const isVersion6 = /^[0-9a-f:.]+$/i.test(name) && name.includes(':')
  if (!isVersion6 && !/^[\p{L}\p{M}\p{N}_.-]+$/u.test(name))
    throw new UrlRefused('invalid-url', 'This is not a host such as mail.example.com.')
  return checkUrl(`http://${isVersion6 ? `[${name}]` : name}:${port}/`)
}

/** The system's name lookup cannot be aborted; this stops waiting for it. */
function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
