import type { Settings } from '../agents/capabilities.ts'
import { hideInText } from './hide-in-text.ts'
import type { Connection, Credentials } from './integration-type.ts'

/** Anything shorter would tear words apart, and is no secret worth its name. */
const minSecretLength = 6
/** The middle of a secret in base64 that is this long is no word. */
const minEncodedLength = 12
const hidden = '[hidden]'

/** Not secret, and found in many harmless texts. */
const isHarmless = (name: string) => /^(username|user|email|host|port|oauth_pending)$/.test(name)
const isTelling = (name: string) =>
  /secret|token|password|passphrase|value|key/i.test(name) && !/(endpoint|ur[il]|type|method)s?$/i.test(name)

/** Every text in the credentials that is long enough to be a secret, and what base64 and HTTP Basic make of it. */
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
  return [...new Set([...texts, ...secrets.flatMap(inBase64)])]
    .filter((text) => text.trim().length >= minSecretLength)
    .sort((one, other) => other.length - one.length)
}

/** As it stands inside of something longer: without the signs at both ends, which tell of the neighbours too. */
function inBase64(secret: string): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString('base64')
    const own = text.slice(shift === 0 ? 0 : 4, -4)
    return own.length < minEncodedLength ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/**
 * The same value without any of the secrets, however often they were escaped for JSON, URLs or HTML: what a server sends
 * back of the request that it got must not reach a model. Keys of objects too.
 */
export function hideSecrets<T>(value: T, secrets: readonly string[]): T {
  if (secrets.length === 0) return value
  // Forms write a space as a plus.
  const wanted = new Set(secrets.flatMap((secret) => [secret, secret.replaceAll(' ', '+')]))
  return replaceIn(value, [...wanted]) as T
}

function replaceIn(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return hideInText(value, secrets, hidden)
  if (Array.isArray(value)) return value.map((item) => replaceIn(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [replaceIn(name, secrets) as string, replaceIn(part, secrets)]),
  )
}

/** A connection whose secrets are taken out of what comes back, those that are renewed while it is used too. */
export function watchSecrets(connection: Connection): { connection: Connection; hide<T>(value: T): T } {
  let secrets = listSecrets(connection.credentials, connection.settings)
  const getAccessToken = async () => {
    const token = await connection.getAccessToken()
    if (!secrets.includes(token)) secrets = [...listSecrets({ token }), ...secrets]
    return token
  }
  return { connection: { ...connection, getAccessToken }, hide: (value) => hideSecrets(value, secrets) }
}
