import type { Settings } from '../agents/capabilities.ts'
import type { Credentials } from './integration-type.ts'

/** Anything shorter would tear words apart, and is no secret worth its name. */
const minSecretLength = 6
const hidden = '[hidden]'

/** Not secret, and found in many harmless texts. */
const isHarmless = (name: string) => /^(username|user|email|host|port|oauth_pending)$/.test(name)
const isTelling = (name: string) =>
  /secret|token|password|passphrase|value|key/i.test(name) && !/(endpoint|ur[il]|type|method)s?$/i.test(name)

/** Every text in the credentials that is long enough to be a secret, and what HTTP Basic makes of a name and a password. */
export function listSecrets(credentials: Credentials, settings: Settings = {}): string[] {
  const texts: string[] = []
  const collect = (name: string, value: unknown, isTop: boolean): void => {
    if (typeof value === 'string') {
      if (isTop || isTelling(name)) texts.push(value)
    } else if (typeof value === 'object' && value !== null) {
      const parts = Array.isArray(value) ? value.map((part) => [name, part] as const) : Object.entries(value)
      for (const [key, part] of parts) collect(key, part, false)
    }
  }
  for (const [name, value] of Object.entries(credentials)) if (!isHarmless(name)) collect(name, value, true)
  const secrets = [...texts]
  const people = [settings.username, settings.user, credentials.username, credentials.user]
  for (const person of new Set(people))
    if (typeof person === 'string' && person !== '')
      texts.push(...secrets.map((secret) => Buffer.from(`${person}:${secret}`).toString('base64')))
  const written = texts.flatMap((text) => [
    text,
    encodeURIComponent(text.toWellFormed()),
    JSON.stringify(text).slice(1, -1),
  ])
  return [...new Set(written)]
    .filter((text) => text.trim().length >= minSecretLength)
    .sort((one, other) => other.length - one.length)
}

/**
 * The same value without any of the secrets: what a server sends back of the request that it got must not reach a model.
 * Keys of objects too.
 */
export function hideSecrets<T>(value: T, secrets: readonly string[]): T {
  if (secrets.length === 0) return value
  return replaceIn(value, secrets) as T
}

function replaceIn(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, hidden), value)
  if (Array.isArray(value)) return value.map((item) => replaceIn(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [replaceIn(name, secrets), replaceIn(part, secrets)]),
  )
}
