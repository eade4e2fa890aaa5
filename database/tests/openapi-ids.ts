/** As much of an OpenAPI document as tells where ids are. */
interface Schema {
  format?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  $ref?: string
}
export interface Document {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: { in: string; name: string; schema: Schema }[]
        requestBody?: { content: Record<string, { schema: Schema }> }
      }
    >
  >
  components?: { schemas?: Record<string, Schema> }
}

const isUuid = (schema: Schema): boolean => schema.format === 'uuid' || (schema.anyOf ?? []).some(isUuid)
const isIdList = (name: string, { items }: Schema) => items !== undefined && (/(^|_)ids$/.test(name) || isUuid(items))
const isOneId = (name: string, schema: Schema) => /(^|_)id$/.test(name) || isUuid(schema)
export const isId = (name: string, schema: Schema) => isOneId(name, schema) || isIdList(name, schema)

/** Where in a body ids are, such as `keep.api_key_ids[]`; lists of them have `[]` behind. */
export function findIds(schema: Schema, document: Document, path = '', seen: readonly string[] = []): string[] {
  const name = schema.$ref?.split('/').at(-1)
  if (name !== undefined) {
    const referred = document.components?.schemas?.[name]
    return referred && !seen.includes(name) ? findIds(referred, document, path, [...seen, name]) : []
  }
  const parts = [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, part]) => {
      const place = path ? `${path}.${key}` : key
      if (isIdList(key, part)) return [`${place}[]`]
      return isOneId(key, part) ? [place] : findIds(part, document, place, seen)
    }),
    ...parts.flatMap((part) => (part ? findIds(part, document, path, seen) : [])),
  ]
}
