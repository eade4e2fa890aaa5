import type { Parameter } from './find-operations.ts'
import { isObject } from './json-object.ts'

// RFC 3986: everything but unreserved characters, which encodeURIComponent is a little shy of.
export const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

const textOf = (value: unknown) =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')

/** A path, header or cookie value by the parameter's style. `escaped` fits it into its place. */
export function serializeSingle(parameter: Parameter, value: unknown, escaped: (text: string) => string): string {
  const { name, style, explode } = parameter
  if (parameter.contentType !== undefined) return escaped(JSON.stringify(value))
  const pairs: [string, string][] = isObject(value)
    ? Object.entries(value).map(([key, each]) => [escaped(key), escaped(textOf(each))])
    : []
  const items = Array.isArray(value) ? value.map((each) => escaped(textOf(each))) : [escaped(textOf(value))]
  const joined = (separator: string) =>
    isObject(value)
      ? pairs.map(([key, each]) => `${key}${explode ? '=' : ','}${each}`).join(separator)
      : items.join(separator)
  if (style === 'label') return `.${joined(explode ? '.' : ',')}`
  if (style !== 'matrix') return joined(',')
  if (explode && isObject(value)) return `;${pairs.map((pair) => pair.join('=')).join(';')}`
  if (explode && Array.isArray(value)) return items.map((item) => `;${name}=${item}`).join('')
  return `;${name}=${joined(',')}`
}

/** The name=value pairs of a query, encoded. */
export function serializeQuery(parameter: Parameter, value: unknown): string[] {
  const { style, explode, contentType } = parameter
  const name = encode(parameter.name)
  if (contentType !== undefined) return [`${name}=${encode(JSON.stringify(value))}`]
  if (Array.isArray(value)) {
    const items = value.map((each) => encode(textOf(each)))
    if (explode) return items.map((item) => `${name}=${item}`)
    const separator = style === 'spaceDelimited' ? '%20' : style === 'pipeDelimited' ? '%7C' : ','
    return [`${name}=${items.join(separator)}`]
  }
  if (!isObject(value)) return [`${name}=${encode(textOf(value))}`]
  const pairs = Object.entries(value).map(([key, each]) => [encode(key), encode(textOf(each))])
  if (style === 'deepObject') return pairs.map(([key, each]) => `${name}%5B${key}%5D=${each}`)
  if (explode) return pairs.map(([key, each]) => `${key}=${each}`)
  return [`${name}=${pairs.flat().join(',')}`]
}
