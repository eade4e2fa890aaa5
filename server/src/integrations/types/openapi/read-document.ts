import { ConnectionFailed } from '../../integration-type.ts'
import { isObject, type JsonObject } from './json-object.ts'

/** An OpenAPI document as 3.1, whatever version it was written in; references are not resolved. */
export interface OpenApiDocument extends JsonObject {
  paths: JsonObject
}

const maxDepth = 200

/** Reads JSON or YAML; Swagger 2.0 and OpenAPI 3.0 are brought to 3.1. Throws ConnectionFailed in words for its owner. */
export async function readDocument(text: string): Promise<OpenApiDocument> {
  const document = await parseText(text)
  if (!isObject(document)) throw unreadable('This is no OpenAPI document.')
  const version = document.openapi ?? document.swagger
  if (!/^(2\.0|3\.[01])(\.\d+)?$/.test(String(version))) {
    throw unreadable('This is no OpenAPI document of version 2.0, 3.0 or 3.1.')
  }
  if (!isObject(document.paths)) throw unreadable('The document has no paths.')
  if (isDeep(document, maxDepth)) throw unreadable('The document is nested too deeply.')
  // A large library, which only those need who connect an API.
  const { upgrade } = await import('@scalar/openapi-parser')
  const { specification } = upgrade(document)
  if (!isObject(specification) || !isObject(specification.paths)) throw unreadable('This is no OpenAPI document.')
  return specification as OpenApiDocument
}

async function parseText(text: string): Promise<unknown> {
  try {
    return JSON.parse(text)
  } catch {
    const { parse: parseYaml } = await import('yaml')
    // The limit of aliases is the library's guard against documents that grow without end.
    try {
      return JSON.parse(
        JSON.stringify(parseYaml(text, { maxAliasCount: 50, schema: 'core', uniqueKeys: true, logLevel: 'silent' })),
      )
    } catch (error) {
      throw unreadable('The document is neither JSON nor YAML.', error)
    }
  }
}

const unreadable = (message: string, cause?: unknown) => new ConnectionFailed('refused', message, cause)

/** Without recursion, which such a document is made to exhaust. */
function isDeep(value: unknown, limit: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
  return false
}
