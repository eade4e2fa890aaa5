import { editableSchema, isObject } from './editable-schema.ts'

export interface EditedInput {
  /** What the form holds; of a JSON text only once it can be read. */
  value: unknown
  /** Present while the input is edited as JSON. */
  json?: string
  jsonFault?: string
}

/** How an input begins to be edited: in a form where its schema allows it, else as JSON. */
export function beginEditing(schema: unknown, input: unknown): EditedInput {
  return editableSchema(schema, input) ? { value: input } : { value: input, json: JSON.stringify(input, null, 2) }
}

/**
 * What is sent: without fields that were emptied, and without the empty lists and groups that the form itself puts where
 * nothing was asked for.
 */
export function inputToSend(value: unknown, original: unknown): unknown {
  if (!isObject(value)) return value
  const before = isObject(original) ? original : {}
  const entries = Object.entries(value).flatMap(([name, field]) => {
    if (field === undefined) return []
    const sent = inputToSend(field, before[name])
    const isEmpty = Array.isArray(sent) ? sent.length === 0 : isObject(sent) && Object.keys(sent).length === 0
    return isEmpty && !(name in before) ? [] : [[name, sent] as const]
  })
  return Object.fromEntries(entries)
}
