import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import type { ApiRequest } from './build-request.ts'
import { getClientToken } from './client-token.ts'
import { asText, type JsonObject } from './json-object.ts'
import { encode } from './serialize-parameter.ts'

/** Where an API key goes: as the user entered it, or as the document says. */
export function findKeyPlace(settings: JsonObject, schemes: JsonObject[]): { in: string; name: string } | null {
  const entered = asText(settings.key_name).trim()
  if (entered !== '') return { in: asText(settings.key_in) || 'header', name: entered }
  const scheme = schemes.find(({ type }) => type === 'apiKey')
  return scheme ? { in: asText(scheme.in), name: asText(scheme.name) } : null
}

/**
 * Puts the credentials into the request; after everything else, so that no input can stand in their place. Answers the
 * secrets that it used.
 */
export async function authorizeRequest(
  request: ApiRequest,
  connection: Connection,
  schemes: JsonObject[],
): Promise<string[]> {
  const { settings, credentials } = connection
  switch (settings.authentication) {
    case 'api_key': {
      const key = asText(credentials.key)
      putKey(request, findKeyPlace(settings, schemes), key)
      return [key]
    }
    case 'basic': {
      const password = asText(credentials.password)
      const pair = Buffer.from(`${asText(settings.username)}:${password}`).toString('base64')
      setHeader(request, 'authorization', `Basic ${pair}`)
      return [pair, password]
    }
    case 'bearer':
      return setBearer(request, asText(credentials.token))
    case 'oauth2':
      return setBearer(request, await connection.getAccessToken())
    case 'client_credentials':
      return setBearer(request, await getClientToken(connection))
    default:
      return []
  }
}

function setBearer(request: ApiRequest, token: string): string[] {
  setHeader(request, 'authorization', `Bearer ${token}`)
  return [token]
}

function putKey(request: ApiRequest, place: ReturnType<typeof findKeyPlace>, key: string) {
  if (!place) {
    throw new ConnectionFailed('refused', 'The document does not say where the key goes. Enter its name and place.')
  }
  const name = encode(place.name)
  if (place.in === 'query') setQuery(request.url, name, encode(key))
  else if (place.in === 'cookie') {
    request.cookies = [...request.cookies.filter((each) => !each.startsWith(`${name}=`)), `${name}=${encode(key)}`]
  } else setHeader(request, place.name, key)
}

function setHeader(request: ApiRequest, name: string, value: string) {
  for (const other of Object.keys(request.headers))
    if (other.toLowerCase() === name.toLowerCase()) delete request.headers[other]
  request.headers[name] = value
}

function setQuery(url: URL, name: string, value: string) {
  const others = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith(`${name}=`))
  url.search = [...others, `${name}=${value}`].join('&')
}
