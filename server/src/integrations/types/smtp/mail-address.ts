import { domainToASCII } from 'node:url'

export interface MailAddress {
  name: string
  address: string
}

// RFC 5322 without the forms that nobody has and that parsers disagree about: quoted local parts, comments, IP domains.
const localPart = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u
const domainName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/** `anna@example.com` or `Anna Smith <anna@example.com>`; null for anything else, and for two addresses in one text. */
export function readMailAddress(text: string): MailAddress | null {
  if (text.length > 500) return null
  const match = /^(?:"?([^"<>@,;:\\]*?)"?\s*<([^<>\s]+)>|([^<>\s]+))$/.exec(text.trim())
  const address = match && normalizeAddress(match[2] ?? match[3] ?? '')
  if (!address) return null
  const name = (match[1] ?? '').trim()
  return hasControlCharacters(name) ? null : { name, address }
}

function normalizeAddress(text: string): string | null {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const domain = normalizeDomain(text.slice(at + 1))
  if (at < 1 || at > 64 || !localPart.test(local) || domain === null) return null
  const address = `${local}@${domain}`
  return address.length <= 254 ? address : null
}

/** Lower case, other alphabets in the spelling of DNS; null for what is no domain. */
export function normalizeDomain(text: string): string | null {
  // domainToASCII reads what it is given as the host of a URL, where `%2e`, `1` and `0x7f.1` mean something else.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(text)) return null
  const domain = domainToASCII(text)
  return domainName.test(domain) && !/(^|\.)[0-9]+$/.test(domain) ? domain : null
}

/** Line breaks end a header; the rest shows people something else than what is sent. */
export function hasControlCharacters(text: string): boolean {
  return /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(text)
}

export type RecipientRule = { address: string } | { domain: string }

/** A line of the list: `anna@example.com`, `example.com` or `@example.com`; null for anything else. */
export function readRecipientRule(text: string): RecipientRule | null {
  const line = text.trim()
  const address = line.startsWith('@') ? null : readMailAddress(line)
  if (address) return address.name === '' ? { address: address.address.toLowerCase() } : null
  const domain = normalizeDomain(line.replace(/^@/, ''))
  return domain === null ? null : { domain }
}

/** An empty list allows everybody. A domain does not allow those below it. */
export function isRecipientAllowed({ address }: MailAddress, rules: readonly RecipientRule[]): boolean {
  const mailbox = address.toLowerCase()
  const domain = mailbox.slice(mailbox.lastIndexOf('@') + 1)
  return (
    rules.length === 0 || rules.some((rule) => ('address' in rule ? rule.address === mailbox : rule.domain === domain))
  )
}
