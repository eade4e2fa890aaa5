import { readMailAddress } from '../integrations/types/smtp/mail-address.ts'

export interface SmtpServer {
  host: string
  port: number
  /** `tls`: from the first byte. `starttls`: upgraded before anything is said, or not used. */
  security: 'tls' | 'starttls' | 'none'
  user: string
  password: string
}

const defaultPorts = { tls: 465, starttls: 587, none: 25 }

/** `smtps://user:password@host:465`, `smtp://user:password@host:587`, or `smtp://host:25?tls=none`; null for anything else. */
export function readSmtpUrl(text: string): SmtpServer | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '' || url.hash !== '') return null
  if (url.pathname !== '' && url.pathname !== '/') return null
  const security = readSecurity(url)
  const [user, password] = [decode(url.username), decode(url.password)]
  if (security === null || user === null || password === null || (user === '' && password !== '')) return null
  const port = url.port === '' ? defaultPorts[security] : Number(url.port)
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, security, user, password }
}

function readSecurity({ protocol, search }: URL): SmtpServer['security'] | null {
  if (protocol === 'smtps:') return search === '' ? 'tls' : null
  if (search === '?tls=none') return 'none'
  return search === '' ? 'starttls' : null
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

export const isSmtpUrl = (text: string) => readSmtpUrl(text) !== null

/** `agents@example.com` or `Agents <agents@example.com>`. */
export const isMailAddress = (text: string) => readMailAddress(text) !== null
