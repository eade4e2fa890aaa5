import type { JSONSchema7 } from '@ai-sdk/provider'
import { cleanToolSchema } from '../../clean-tool-schema.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { asList, asObject, asText, isObject, type JsonObject } from './json-object.ts'
import type { OpenApiDocument } from './read-document.ts'
import { type InlineBudget, inlineSchema, resolveReference } from './resolve-reference.ts'

export interface Parameter {
  /** The name of the input, which differs from `name` when two places have the same one. */
  input: string
  name: string
  in: 'path' | 'query' | 'header' | 'cookie'
  style: string
  explode: boolean
  isRequired: boolean
  /** Given when the value is sent as this media type and not by `style`. */
  contentType?: string
}

export interface Operation {
  name: string
  method: string
  path: string
  title: string
  description: string
  parameters: Parameter[]
  body?: { contentType: string; isRequired: boolean }
  inputSchema: JSONSchema7
  /** The servers of this operation where they are not the document's. */
  servers?: unknown[]
}

/** As it stands in the document; its schemas are read when it is chosen, for they may be large. */
export interface FoundOperation extends Omit<Operation, 'inputSchema'> {
  /** Null when its input cannot be described. */
  readInputSchema(): JSONSchema7 | null
}

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete']
const maxOperations = 2000
const maxSchemaBytes = 30_000
const maxParameters = 200
const maxInlinedValues = 300_000
/** What we can write, best first. */
const bodyTypes = [
  /^application\/json\b/i,
  /^application\/[\w.-]+\+json\b/i,
  /^application\/x-www-form-urlencoded\b/i,
  /^multipart\/form-data\b/i,
  /^text\/plain\b/i,
]

/** Every operation that can be called as a tool; those whose input cannot be written are left out. */
export function findOperations(document: OpenApiDocument): FoundOperation[] {
  const operations = new Map<string, FoundOperation>()
  const budget = { left: maxInlinedValues }
  for (const [path, item] of Object.entries(document.paths)) {
    const pathItem = resolveReference(document, item)
    for (const method of methods) {
      if (!path.startsWith('/') || !isObject(pathItem[method])) continue
      const operation = readOperation(document, {
        path,
        method,
        pathItem,
        source: pathItem[method],
        taken: operations,
        budget,
      })
      if (operation) operations.set(operation.name, operation)
      if (operations.size === maxOperations) return [...operations.values()]
    }
  }
  return [...operations.values()]
}

interface OperationPlace {
  path: string
  method: string
  pathItem: JsonObject
  source: JsonObject
  taken: Map<string, FoundOperation>
  budget: InlineBudget
}

function readOperation(
  document: OpenApiDocument,
  { path, method, pathItem, source, taken, budget }: OperationPlace,
): FoundOperation | null {
  const found = readParameters(
    document,
    [...asList(pathItem.parameters), ...asList(source.parameters)].slice(0, maxParameters),
  )
  const body = readBody(document, source.requestBody)
  if (body === 'unsupported') return null
  const summary = cleanToolText(asText(source.summary), 100).replace(/\s+/g, ' ')
  const description = cleanToolText(asText(source.description), 1000)
  const servers = asList(source.servers ?? pathItem.servers)
  return {
    name: chooseName(asText(source.operationId) || `${method}_${path}`, taken),
    method: method.toUpperCase(),
    path,
    title: summary || `${method.toUpperCase()} ${cleanToolText(path, 80)}`,
    description:
      [summary, description].filter(Boolean).join('\n') || `${method.toUpperCase()} ${cleanToolText(path, 200)}`,
    parameters: found.map(({ parameter }) => parameter),
    ...(body && { body: { contentType: body.contentType, isRequired: body.isRequired } }),
    readInputSchema: () => readInputSchema(document, found, body, budget),
    ...(servers.length > 0 && { servers }),
  }
}

function readInputSchema(
  document: OpenApiDocument,
  found: { parameter: Parameter; source: unknown; description: unknown }[],
  body: { isRequired: boolean; source: unknown } | undefined,
  budget: InlineBudget,
): JSONSchema7 | null {
  const required = found.filter(({ parameter }) => parameter.isRequired).map(({ parameter }) => parameter.input)
  if (body?.isRequired) required.push('body')
  // What is too large to be shown in full is shown in less detail, in the end by its names alone.
  for (const maxValues of [3000, 500, 50, 0]) {
    const properties: JsonObject = {}
    for (const { parameter, source, description } of found) {
      const schema = asObject(inlineSchema(document, source, budget, maxValues))
      properties[parameter.input] = { ...schema, ...(typeof description === 'string' && { description }) }
    }
    if (body) properties.body = inlineSchema(document, body.source, budget, maxValues)
    const schema = { type: 'object', properties, required, additionalProperties: false }
    const cleaned = cleanToolSchema(schema, maxSchemaBytes)
    if (cleaned) return cleaned
  }
  return null
}

function chooseName(wanted: string, taken: Map<string, FoundOperation>): string {
  const base =
    wanted
      .replace(/[^A-Za-z0-9-]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 60) || 'operation'
  let name = base
  for (let count = 2; taken.has(name); count++) name = `${base}_${count}`
  return name
}

function readParameters(
  document: OpenApiDocument,
  sources: unknown[],
): { parameter: Parameter; source: unknown; description: unknown }[] {
  const found = new Map<string, ReturnType<typeof readParameters>[number]>()
  for (const source of sources) {
    const { name, in: place, required, description, ...rest } = resolveReference(document, source)
    if (typeof name !== 'string' || name === '' || name === '__proto__') continue
    if (place !== 'path' && place !== 'query' && place !== 'header' && place !== 'cookie') continue
    // The specification gives these to other parts of the document.
    if (place === 'header' && /^(accept|content-type|authorization)$/i.test(name)) continue
    const media = Object.entries(asObject(rest.content))[0]
    const style = asText(rest.style) || (place === 'query' || place === 'cookie' ? 'form' : 'simple')
    found.set(`${place} ${name}`, {
      // An operation's own parameter stands for the one of its path.
      parameter: {
        input: name,
        name,
        in: place,
        style,
        explode: typeof rest.explode === 'boolean' ? rest.explode : style === 'form' || style === 'deepObject',
        isRequired: required === true || place === 'path',
        ...(media && { contentType: media[0] }),
      },
      source: media ? asObject(media[1]).schema : rest.schema,
      description,
    })
  }
  const inputs = new Set(['body'])
  for (const { parameter } of found.values()) {
    const { name } = parameter
    for (let count = 1; inputs.has(parameter.input); count++)
      parameter.input = `${parameter.in}_${name}${count > 1 ? count : ''}`
    inputs.add(parameter.input)
  }
  return [...found.values()]
}

function readBody(document: OpenApiDocument, source: unknown) {
  if (source === undefined) return undefined
  const body = resolveReference(document, source)
  const content = asObject(body.content)
  for (const pattern of bodyTypes) {
    const contentType = Object.keys(content).find((type) => pattern.test(type))
    if (contentType === undefined) continue
    return { contentType, isRequired: body.required === true, source: asObject(content[contentType]).schema ?? {} }
  }
  return body.required === true ? 'unsupported' : undefined
}
