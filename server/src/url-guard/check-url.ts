import { UrlRefused } from './url-refused.ts'

const maxUrlLength = 2048

/**
 * Reads an address that came from outside, by its spelling alone: http or https, no user-info, at most 2,048 characters.
 * Throws UrlRefused. It says nothing about where the host leads; only `createUrlGuard` does.
 */
export function checkUrl(text: string): URL {
  if (text.length > maxUrlLength) throw new UrlRefused('invalid-url', 'The address is longer than 2,048 characters.')
  // The URL parser drops tabs, line breaks and surrounding blanks; an address that needs this is not what it seems.
  if (hasControlCharacters(text) || text !== text.trim()) {
    throw new UrlRefused('invalid-url', 'The address holds blanks or control characters.')
  }
  if (!URL.canParse(text))
    throw new UrlRefused('invalid-url', 'This is not a web address like https://example.com/page.')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UrlRefused('scheme', 'Only http and https addresses are allowed.')
  }
  if (url.username || url.password) {
    throw new UrlRefused('user-info', 'An address with a user name or password in it is not allowed.')
  }
  if (hostOf(url) === '') throw new UrlRefused('invalid-url', 'The address names no host.')
  return url
}

/** The host as DNS knows it: lower case, without the brackets of IPv6 and without the dot of the root. */
export function hostOf(url: URL): string {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return host.replace(/\.$/, '').toLowerCase()
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

function hasControlCharacters(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 32 || code === 127) return true
  }
  return false
}
