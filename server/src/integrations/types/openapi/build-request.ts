import type { Operation, Parameter } from './find-operations.ts'
import { asObject, isObject, type JsonObject } from './json-object.ts'
import { encode, serializeQuery, serializeSingle } from './serialize-parameter.ts'

export interface ApiRequest {
  method: string
  url: URL
  headers: Record<string, string>
  cookies: string[]
  body?: string | Buffer
}

/** The request of one operation with these inputs. Throws an error that says which input does not fit. */
export function buildRequest(operation: Operation, server: URL, input: unknown): ApiRequest {
  const values = asObject(input)
  const request: ApiRequest = { method: operation.method, url: new URL(server), headers: {}, cookies: [] }
  const query: string[] = []
  let path = operation.path
  for (const parameter of operation.parameters) {
    const value = values[parameter.input]
    if (value === undefined || value === null) {
      if (parameter.isRequired) throw new Error(`The input "${parameter.input}" is missing.`)
    } else if (parameter.in === 'path') path = path.replaceAll(`{${parameter.name}}`, () => pathValue(parameter, value))
    else if (parameter.in === 'query') query.push(...serializeQuery(parameter, value))
    else if (parameter.in === 'cookie')
      request.cookies.push(`${encode(parameter.name)}=${serializeSingle(parameter, value, encode)}`)
    else request.headers[headerName(parameter)] = headerValue(parameter, value)
  }
  setPath(request.url, server, path)
  request.url.search = query.join('&')
  if (operation.body && values.body !== undefined) setBody(request, operation.body.contentType, values.body)
  else if (operation.body?.isRequired) throw new Error('The input "body" is missing.')
  return request
}

/** A value is one segment: it can lead neither up nor elsewhere. */
function pathValue(parameter: Parameter, value: unknown): string {
  const text = serializeSingle(parameter, value, encode)
  if (text === '' || /^\.+$/.test(text)) throw new Error(`The input "${parameter.input}" cannot stand in a path.`)
  return text
}

function setPath(url: URL, server: URL, path: string) {
  if (/[{}]/.test(path)) throw new Error('The document does not describe every part of the path.')
  const whole = server.pathname.replace(/\/$/, '') + path
  url.pathname = whole
  // The URL parser takes steps up; a path of the document or a value that has some is not what was chosen.
  const withoutSteps = whole.split('/').every((part) => !/^(\.|%2e){1,2}$/i.test(part))
  if (!withoutSteps) throw new Error('The path of this operation leads elsewhere.')
}

function headerName({ name, input }: Parameter): string {
  const isFree = /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/^(host|cookie|proxy-.*|sec-.*)$/i.test(name)
  if (!isFree) throw new Error(`The header of the input "${input}" may not be set.`)
  return name
}

function headerValue(parameter: Parameter, value: unknown): string {
  const text = serializeSingle(parameter, value, (each) => each)
  if (!/^[\t\x20-\x7e]*$/.test(text))
    throw new Error(`The input "${parameter.input}" has characters that a header cannot hold.`)
  return text
}

function setBody(request: ApiRequest, contentType: string, body: unknown) {
  request.headers['content-type'] = contentType
  if (/json\b/i.test(contentType)) request.body = JSON.stringify(body)
  else if (/^text\//i.test(contentType)) request.body = isObject(body) ? JSON.stringify(body) : String(body)
  else if (/urlencoded/i.test(contentType))
    request.body = formPairs(body)
      .map((pair) => pair.map(encode).join('='))
      .join('&')
  else {
    const boundary = `form-${crypto.randomUUID()}`
    request.headers['content-type'] = `multipart/form-data; boundary=${boundary}`
    request.body = Buffer.from(multipart(formPairs(body), boundary))
  }
}

function formPairs(body: unknown): [string, string][] {
  if (!isObject(body)) throw new Error('The input "body" must be an object.')
  return Object.entries(body as JsonObject).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [
      name,
      typeof each === 'object' && each !== null ? JSON.stringify(each) : String(each ?? ''),
    ]),
  )
}

// RFC 7578, with the names escaped as browsers do.
function multipart(pairs: [string, string][], boundary: string): string {
  const escapeName = (name: string) => name.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22')
  const parts = pairs.map(
    ([name, value]) =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${escapeName(name)}"\r\n\r\n${value}\r\n`,
  )
  return `${parts.join('')}--${boundary}--\r\n`
}
