import { promises as dns } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { hostOf, portOf } from './check-url.ts'
import { isPrivateAddress } from './private-addresses.ts'
import { UrlFetchFailed, UrlRefused } from './url-refused.ts'

export interface ResolvedAddress {
  address: string
  family: 4 | 6
}

export type Lookup = (hostname: string) => Promise<ResolvedAddress[]>

export const systemLookup: Lookup = async (hostname) =>
  (await dns.lookup(hostname, { all: true, order: 'verbatim' })).map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
  }))

/** What the operator allows beyond the public internet: `host`, `host:port`, `[v6]:port`, an address or a CIDR range. */
export interface AllowedHosts {
  names: Set<string>
  ranges: BlockList
}

/** Whether `readAllowedHosts` understands this entry. */
export function isAllowedHost(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  if (bits === undefined) return /^(\[[0-9a-f:.]+\]|[^\s/:[\]@]+)(:\d{1,5})?$/i.test(entry) || isIP(entry) === 6
  const version = isIP(address)
  return version !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}

export function readAllowedHosts(entries: string[]): AllowedHosts {
  const names = new Set<string>()
  const ranges = new BlockList()
  for (const entry of entries.map((text) => text.trim().toLowerCase()).filter(Boolean)) {
    const [address = '', prefix] = entry.split('/')
    if (prefix !== undefined) ranges.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4')
    else names.add(entry.replace(/^\[([^\]]+)\]$/, '$1'))
  }
  return { names, ranges }
}

/**
 * The addresses to connect to, all of them checked. Connect to nothing else: a name that is resolved again may lead elsewhere.
 * Ports: any on hosts the operator allowed; else 80, 443 and from 1024 up, so that mail, SSH and other old services are out of reach.
 */
export async function resolveHost(
  url: URL,
  allowed: AllowedHosts,
  lookup: Lookup,
  lowPorts: readonly number[] = [80, 443],
): Promise<ResolvedAddress[]> {
  const host = hostOf(url)
  const isAllowed = allowed.names.has(host) || allowed.names.has(hostWithPort(host, portOf(url)))
  if (!isAllowed && isLocalName(host)) throw new UrlRefused('host', `${host} is a name inside a private network.`)
  const addresses = await addressesOf(host, lookup)
  const areAllowed =
    isAllowed || addresses.every(({ address, family }) => allowed.ranges.check(address, family === 6 ? 'ipv6' : 'ipv4'))
  if (areAllowed) return addresses
  const port = portOf(url)
  if (port < 1024 && !lowPorts.includes(port)) throw new UrlRefused('port', `Port ${port} is not allowed.`)
  if (addresses.some(({ address }) => isPrivateAddress(address))) {
    throw new UrlRefused('private-address', `${host} is not on the public internet.`)
  }
  return addresses
}

async function addressesOf(host: string, lookup: Lookup): Promise<ResolvedAddress[]> {
  const family = isIP(host)
  if (family !== 0) return [{ address: host, family: family === 6 ? 6 : 4 }]
  const addresses = await lookup(host).catch((cause: unknown) => {
    throw new UrlFetchFailed('unknown-host', `${host} cannot be found.`, cause)
  })
  if (addresses.length === 0) throw new UrlFetchFailed('unknown-host', `${host} has no address.`)
  return addresses
}

function hostWithPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

// RFC 6761, 6762, 8375 and the `.internal` that ICANN set aside: these never name a public host.
function isLocalName(host: string): boolean {
  return /(^|\.)(localhost|local|localdomain|internal|intranet|home\.arpa|onion)$/.test(host)
}
