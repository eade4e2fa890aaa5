import { portOf } from '../../../url-guard/check-url.ts'

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const pattern = new RegExp(`^(\\*\\.)?${label}(?:\\.${label})*(?::\\d{1,5})?$`)

/** Why a line is no host: `api.example.com`, `api.example.com:8443` or `*.example.com`. Null when it is one. */
export function findHostFault(text: string): string | null {
  const host = text.trim().toLowerCase()
  if (!pattern.test(host)) return 'Must be a host such as api.example.com or *.example.com, without https:// and path.'
  if (host.startsWith('*.') && host.split('.').length < 3)
    return 'A star needs two more parts, as in *.example.com: otherwise it is half of the internet.'
  return null
}

/** Whether the address is on one of the listed hosts. A host without a port means 443, and 80 where http is allowed. */
export function isListed(url: URL, hosts: readonly string[]): boolean {
  const hostname = url.hostname.replace(/\.$/, '').toLowerCase()
  const isDefaultPort = url.port === ''
  return hosts.some((line) => {
    const [name = '', port] = line.trim().toLowerCase().split(':')
    if (port === undefined ? !isDefaultPort : Number(port) !== portOf(url)) return false
    // `*.example.com` is what is below example.com, and not example.com itself.
    return name.startsWith('*.')
      ? hostname.endsWith(name.slice(1)) && hostname.length > name.length - 1
      : hostname === name
  })
}
