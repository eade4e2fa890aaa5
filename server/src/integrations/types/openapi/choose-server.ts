import { ConnectionFailed } from '../../integration-type.ts'
import { asList, asObject, asText } from './json-object.ts'
import type { OpenApiDocument } from './read-document.ts'

interface ServerChoice {
  /** What the user entered; empty when the document decides. */
  entered: string
  /** Where the document was fetched; null when it was pasted. */
  documentUrl: string | null
  hasCredentials: boolean
}

/**
 * The server that the operations are on: the one the user entered, when the document names it, or the document's first.
 * A document from the web may change, so it cannot move credentials to another site than its own: then the user has to
 * enter the server.
 */
export function chooseServer(document: OpenApiDocument, { entered, documentUrl, hasCredentials }: ServerChoice): URL {
  const listed = asList(document.servers).map(asObject)
  if (entered !== '') {
    const isListed = listed.some((server) => matchesServer(server, documentUrl, entered))
    if (!isListed && listed.some((server) => resolveServer(server, documentUrl) !== null)) {
      throw refused('The document does not name this server.')
    }
    return readServer(entered)
  }
  const first = resolveServer(listed[0] ?? { url: '/' }, documentUrl)
  if (first === null) throw refused('The document does not say on which server the API is. Enter the server.')
  const server = readServer(first)
  if (hasCredentials && documentUrl !== null && server.origin !== new URL(documentUrl).origin) {
    throw refused(
      `The document names the server ${server.href}, which is another site. Enter it as the server to send your credentials there.`,
    )
  }
  return server
}

/** Where an operation with servers of its own is; null when that is another site than the chosen one, which gets nothing. */
export function chooseOperationServer(
  servers: unknown[] | undefined,
  server: URL,
  documentUrl: string | null,
): URL | null {
  if (servers === undefined) return server
  const resolved = resolveServer(asObject(servers[0]), documentUrl ?? server.href)
  return resolved !== null && new URL(resolved).origin === server.origin ? new URL(resolved) : null
}

/** With the defaults of its variables; null when that is no whole address. */
function resolveServer(server: Record<string, unknown>, documentUrl: string | null): string | null {
  const variables = asObject(server.variables)
  const url = asText(server.url).replace(/\{([^{}]+)\}/g, (_whole, name: string) =>
    Object.hasOwn(variables, name) ? String(asObject(variables[name]).default ?? '') : '',
  )
  const base = documentUrl ?? undefined
  return URL.canParse(url, base) ? new URL(url, base).href : null
}

function matchesServer(server: Record<string, unknown>, documentUrl: string | null, entered: string): boolean {
  const resolved = resolveServer(server, documentUrl)
  if (resolved !== null && trimmed(resolved) === trimmed(entered)) return true
  const variables = asObject(server.variables)
  const template = trimmed(asText(server.url))
  const parts = template.split(/(\{[^{}]+\})/)
  const choices = parts.map((part) =>
    /^\{.+\}$/.test(part) ? asList(asObject(variables[part.slice(1, -1)]).enum).map(String) : null,
  )
  // What a document and an address make together must not keep the server searching for minutes.
  const free = choices.filter((values) => values?.length === 0).length
  const bound = choices.filter((values) => values !== null && values.length > 0)
  if (template.length > 500 || free > 2 || bound.length > 3 || bound.some((values) => (values?.length ?? 0) > 50)) {
    return false
  }
  const patterns = parts.map((part, at) => {
    const values = choices[at]
    if (!values) return RegExp.escape(part)
    return values.length > 0 ? `(?:${values.map((value) => RegExp.escape(value)).join('|')})` : '[^/?#@\\\\]{1,253}'
  })
  return new RegExp(`^${patterns.join('')}$`, 'i').test(trimmed(entered))
}

const trimmed = (url: string) => url.replace(/\/+$/, '')

function readServer(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw refused('The server is no address such as https://api.example.com/v1.')
  }
  return url
}

const refused = (message: string) => new ConnectionFailed('refused', message)
