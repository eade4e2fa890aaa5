import { createHash } from 'node:crypto'
import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { chooseOperationServer, chooseServer } from './choose-server.ts'
import { type FoundOperation, findOperations, type Operation } from './find-operations.ts'
import { asList, asObject, asText, type JsonObject } from './json-object.ts'
import { readDocument } from './read-document.ts'
import { resolveReference } from './resolve-reference.ts'

/** An API as one connection uses it. */
export interface Api {
  title: string
  server: URL
  /** How many the document has. */
  operationCount: number
  /** The operations that are tools, each with the server it is on. */
  chosen: (Operation & { server: URL })[]
  securitySchemes: JsonObject[]
}

const maxChosen = 100
const maxWithoutChoice = 40
const freshMs = 10 * 60_000
const maxKept = 100

// Documents are fetched without credentials, so what one connection read may serve another one with the same settings.
const kept = new Map<string, { at: number; api: Api }>()

/** Reads the document and decides about server and operations. Throws ConnectionFailed. */
export async function loadApi(connection: Pick<Connection, 'settings' | 'urlGuard' | 'signal'>): Promise<Api> {
  const key = createHash('sha256').update(JSON.stringify(connection.settings)).digest('base64')
  const known = kept.get(key)
  if (known && Date.now() - known.at < freshMs) return known.api
  const api = await readApi(connection)
  kept.delete(key)
  kept.set(key, { at: Date.now(), api })
  for (const oldest of kept.keys()) {
    if (kept.size <= maxKept) break
    kept.delete(oldest)
  }
  return api
}

async function readApi(connection: Pick<Connection, 'settings' | 'urlGuard' | 'signal'>): Promise<Api> {
  const { settings } = connection
  const documentUrl = settings.source === 'text' ? null : asText(settings.document_url)
  const text = documentUrl === null ? asText(settings.document) : await fetchDocument(connection, documentUrl)
  const document = await readDocument(text)
  const hasCredentials = (settings.authentication ?? 'none') !== 'none'
  const entered = asText(settings.server_url).trim()
  const server = chooseServer(document, { entered, documentUrl, hasCredentials })
  const reachable = findOperations(document).flatMap((found) => {
    const place = chooseOperationServer(found.servers, server, documentUrl)
    return place ? [{ ...found, server: place }] : []
  })
  const chosen = chooseOperations(reachable, asList(settings.operations).map(String))
  const schemes = Object.values(asObject(asObject(document.components).securitySchemes))
  return {
    title: cleanToolText(asText(asObject(document.info).title), 100).replace(/\s+/g, ' ') || 'an API',
    server,
    operationCount: reachable.length,
    chosen: chosen.flatMap(({ readInputSchema, ...operation }) => {
      const inputSchema = readInputSchema()
      return inputSchema ? [{ ...operation, inputSchema }] : []
    }),
    securitySchemes: schemes.map((each) => resolveReference(document, each)),
  }
}

async function fetchDocument(
  { urlGuard, signal }: Pick<Connection, 'urlGuard' | 'signal'>,
  url: string,
): Promise<string> {
  try {
    const answer = await urlGuard.fetch(url, {
      signal,
      accept: 'application/json, application/yaml, text/yaml, */*;q=0.5',
    })
    if (answer.status !== 200)
      throw new ConnectionFailed('refused', `The document cannot be fetched: status ${answer.status}.`)
    if (answer.isCut) throw new ConnectionFailed('refused', 'The document is larger than 2 MB.')
    return answer.body.toString('utf8')
  } catch (error) {
    if (error instanceof UrlRefused) throw new ConnectionFailed('refused', error.message, error)
    if (error instanceof UrlFetchFailed) throw new ConnectionFailed('unreachable', error.message, error)
    throw error
  }
}

/** By name, or as `GET /path`. Without a choice all that only read, up to a number a model can overlook. */
function chooseOperations<Found extends FoundOperation>(operations: Found[], wanted: string[]): Found[] {
  if (wanted.length === 0) return operations.filter(isReading).slice(0, maxWithoutChoice)
  return wanted.slice(0, maxChosen).map((each) => {
    const entered = each.trim()
    const found = operations.find(
      ({ name, method, path }) => name === entered || `${method} ${path}`.toLowerCase() === entered.toLowerCase(),
    )
    if (found) return found
    const examples = operations.slice(0, 10).map(({ name }) => name)
    throw new ConnectionFailed(
      'refused',
      `The document has no operation "${entered.slice(0, 100)}". It has, for example: ${examples.join(', ')}.`,
    )
  })
}

export const isReading = ({ method }: Pick<Operation, 'method'>) => method === 'GET' || method === 'HEAD'
