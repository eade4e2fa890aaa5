import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { hideSecrets, listSecrets } from '../../hide-credentials.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { authorizeRequest } from './authorize-request.ts'
import { buildRequest } from './build-request.ts'
import type { Api } from './load-api.ts'

const maxBytes = 1_000_000
const maxErrorChars = 4000

export interface OperationResult {
  status: number
  body: unknown
  /** True when the body was longer and ends early; then it is text, also where the API sent JSON. */
  is_cut?: boolean
}

/** Answers of 400 and more are thrown as an error with their text, for the model to read. */
export async function callOperation(
  api: Api,
  operation: Api['chosen'][number],
  input: unknown,
  connection: Connection,
): Promise<OperationResult> {
  const request = buildRequest(operation, operation.server, input)
  const secrets = await authorizeRequest(request, connection, api.securitySchemes)
  if (request.cookies.length > 0) request.headers.cookie = request.cookies.join('; ')
  const answer = await connection.urlGuard
    .fetch(request.url.href, {
      method: request.method,
      headers: request.headers,
      ...(request.body !== undefined && { body: request.body }),
      accept: 'application/json, text/*;q=0.9, */*;q=0.5',
      maxBytes,
      signal: connection.signal,
    })
    .catch((error: unknown) => {
      if (error instanceof UrlRefused) throw new ConnectionFailed('refused', error.message, error)
      if (error instanceof UrlFetchFailed) throw new ConnectionFailed('unreachable', error.message, error)
      throw error
    })
  const { status, isCut } = answer
  const body = hideSecrets(
    readBody(answer.headers['content-type'] ?? '', answer.body, isCut),
    listSecrets({ secret: secrets }),
  )
  if (status === 401 && (connection.settings.authentication ?? 'none') !== 'none') {
    throw new ConnectionFailed('credentials', 'The API does not accept the credentials.')
  }
  if (status >= 400) throw new Error(`The API answered with status ${status}: ${describe(body)}`)
  return { status, body, ...(isCut && { is_cut: true }) }
}

function readBody(contentType: string, body: Buffer, isCut: boolean): unknown {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  if (body.length === 0) return null
  const isText = /^text\/|[/+](json|xml|yaml|x-ndjson|javascript)$/.test(type) || (type === '' && !body.includes(0))
  if (!isText) return `A file (${cleanToolText(type, 100)}, ${Math.ceil(body.length / 1000)} kB) was left out.`
  const text = cleanToolText(body.toString('utf8'), maxBytes)
  if (isCut || !/[/+]json$/.test(type)) return text
  try {
    return JSON.parse(body.toString('utf8'), (_key, each) =>
      typeof each === 'string' ? cleanToolText(each, maxBytes) : each,
    )
  } catch {
    return text
  }
}

const describe = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, maxErrorChars)
