import type { ShownForm } from '../integrations/shown-form.ts'

type Json = Record<string, unknown>

/** Longer texts, and those with lines, get a field of several lines. */
const longText = 90
const maxDepth = 3

/**
 * A tool's input schema as the form can draw it, with a title for each field; null where it says more than a form can
 * show, such as alternatives or references: such an input is edited as JSON.
 */
export function editableSchema(schema: unknown, input: unknown): ShownForm | null {
  if (!isObject(schema) || !isObject(input)) return null
  const form = drawObject(schema, input, 0)
  // What the model sent and the schema does not name would be invisible in the form.
  if (!form || Object.keys(input).some((name) => !(name in (form.properties as Json)))) return null
  return form as unknown as ShownForm
}

function drawObject(schema: Json, value: unknown, depth: number): Json | null {
  const { type, properties, required, ...rest } = schema
  if (type !== 'object' || !isObject(properties) || hasUnknown(rest) || depth > maxDepth) return null
  const drawn: Json = {}
  for (const [name, field] of Object.entries(properties)) {
    const shown = drawField(name, field, isObject(value) ? value[name] : undefined, depth + 1)
    if (!shown) return null
    drawn[name] = shown
  }
  const titled = typeof rest.title === 'string' ? { title: rest.title } : {}
  return { ...titled, type, properties: drawn, required: Array.isArray(required) ? required : [] }
}

function drawField(name: string, field: unknown, value: unknown, depth: number): Json | null {
  if (!isObject(field) || depth > maxDepth) return null
  const plain = withoutNull(field)
  const { type } = plain
  const title = typeof plain.title === 'string' && plain.title !== '' ? plain.title : titleOf(name)
  if (type === 'object') {
    const drawn = drawObject(plain, value, depth)
    return drawn && { ...drawn, title }
  }
  if (hasUnknown(plain)) return null
  if (type === 'array') {
    const items = Array.isArray(value) ? value : []
    const item = drawField(
      name,
      plain.items,
      items.find((one) => typeof one === 'string' && isLong(one)),
      depth,
    )
    return item && { ...plain, title, items: { ...item, title: singular(title) } }
  }
  if (type !== 'string' && type !== 'number' && type !== 'integer' && type !== 'boolean') return null
  const { format, default: _, ...rest } = plain
  const known = ['email', 'uri', 'date', 'time'].includes(String(format)) ? { format } : {}
  const isArea = type === 'string' && !plain.enum && typeof value === 'string' && isLong(value)
  return { ...rest, ...(isArea ? { format: 'textarea' } : known), title }
}

/** `["string", "null"]` and `anyOf: [..., null]` are fields that may be left empty. */
function withoutNull(field: Json): Json {
  const { type, anyOf, ...rest } = field
  if (Array.isArray(type)) {
    const types = type.filter((one) => one !== 'null')
    return types.length === 1 ? { ...rest, type: types[0] } : field
  }
  if (Array.isArray(anyOf)) {
    const choices = anyOf.filter((one) => isObject(one) && one.type !== 'null')
    return choices.length === 1 ? { ...(choices[0] as Json), ...rest } : field
  }
  return field
}

const drawable = new Set([
  '$schema',
  'additionalProperties',
  'type',
  'title',
  'description',
  'default',
  'examples',
  'format',
  'enum',
  'items',
  'minLength',
  'maxLength',
  'pattern',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'uniqueItems',
])

function hasUnknown(schema: Json): boolean {
  return Object.keys(schema).some((name) => !drawable.has(name)) || isObject(schema.additionalProperties)
}

/** `in_reply_to` and `inReplyTo` are "In reply to". */
export function titleOf(name: string): string {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .trim()
    .toLowerCase()
  return words === '' ? name : words.charAt(0).toUpperCase() + words.slice(1)
}

function singular(title: string): string {
  return title.endsWith('s') && title.length > 3 && !title.endsWith('ss') ? title.slice(0, -1) : title
}

function isLong(text: string): boolean {
  return text.length > longText || text.includes('\n')
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
