import type { CallToolResult } from '@modelcontextprotocol/client'
import { cleanToolText } from '../../clean-tool-text.ts'

const maxTextChars = 1_000_000

export interface McpResult {
  text?: string
  structured?: unknown
  resources?: { uri: string; name?: string; description?: string; mime_type?: string; text?: string }[]
  /** What the answer held besides text, which cannot be shown to the model. */
  notes?: string[]
}

/** The tool ran and said that it failed. */
export class ToolFailed extends Error {
  override name = 'ToolFailed'
}

/** A tool's answer as data for the model; an answer that says it is an error is thrown with its text. */
export function readResult(result: CallToolResult): McpResult {
  const texts: string[] = []
  const resources: NonNullable<McpResult['resources']> = []
  const notes: string[] = []
  for (const block of result.content) {
    if (block.type === 'text') texts.push(cleanToolText(block.text, maxTextChars))
    else if (block.type === 'resource_link') {
      const { uri, name, description, mimeType } = block
      resources.push(
        defined({
          uri: cleanToolText(uri, 2048),
          name: short(name),
          description: short(description),
          mime_type: short(mimeType),
        }),
      )
    } else if (block.type === 'resource') {
      const { uri, mimeType } = block.resource
      const text = 'text' in block.resource ? cleanToolText(block.resource.text, maxTextChars) : undefined
      resources.push(defined({ uri: cleanToolText(uri, 2048), mime_type: short(mimeType), text }))
      if ('blob' in block.resource) notes.push(leftOut('A file', mimeType, block.resource.blob))
    } else if (block.type === 'image' || block.type === 'audio') {
      notes.push(leftOut(block.type === 'image' ? 'An image' : 'A sound', block.mimeType, block.data))
    }
  }
  const text = texts.join('\n\n')
  if (result.isError) throw new ToolFailed(text.slice(0, 10_000) || 'The tool failed and did not say why.')
  const structured = result.structuredContent
  const isRepeated = structured !== undefined && sameJson(text, structured)
  return defined({
    text: text === '' || isRepeated ? undefined : text,
    structured,
    resources: resources.length > 0 ? resources : undefined,
    notes: notes.length > 0 ? notes : undefined,
  })
}

const short = (text: string | undefined) => (text === undefined ? undefined : cleanToolText(text, 500))

const leftOut = (what: string, mimeType: string | undefined, base64: string) =>
  `${what} (${short(mimeType) ?? 'of unknown type'}, ${Math.ceil((base64.length * 3) / 4 / 1000)} kB) was left out.`

// For servers that give structured content, the specification also wants it as text.
function sameJson(text: string, structured: unknown): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(structured)
  } catch {
    return false
  }
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
