import { BlockList, isIPv4 } from 'node:net'

// Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates).
const refusedIpv4: [address: string, prefix: number][] = [
  ['0.0.0.0', 8], // "this network", RFC 791
  ['10.0.0.0', 8], // private, RFC 1918
  ['100.64.0.0', 10], // carrier-grade NAT, RFC 6598
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, and the metadata services of clouds
  ['172.16.0.0', 12], // private, RFC 1918
  ['192.0.0.0', 24], // IETF protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relay, deprecated
  ['192.168.0.0', 16], // private, RFC 1918
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks, RFC 2544
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
]

// Everything outside 2000::/3 is refused as a whole: loopback, mapped and translated IPv4 (::ffff:0:0/96, 64:ff9b::/96), discard,
// unique local, link-local, site-local, multicast. Inside it, these are not ordinary hosts:
const refusedIpv6: [address: string, prefix: number][] = [
  ['2001::', 23], // IETF protocol assignments: Teredo, benchmarks, AMT, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: carries an IPv4 address
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation, RFC 9637
]

const refusedIpv4List = new BlockList()
for (const [address, prefix] of refusedIpv4) refusedIpv4List.addSubnet(address, prefix, 'ipv4')
const refusedIpv6List = new BlockList()
for (const [address, prefix] of refusedIpv6) refusedIpv6List.addSubnet(address, prefix, 'ipv6')
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** True for every address that is not an ordinary host on the public internet, and for what is no address at all. */
export function isPrivateAddress(address: string): boolean {
  if (isIPv4(address)) return refusedIpv4List.check(address, 'ipv4')
  return !globalUnicast.check(address, 'ipv6') || refusedIpv6List.check(address, 'ipv6')
}
