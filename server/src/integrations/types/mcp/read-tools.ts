import type { Tool } from '@modelcontextprotocol/client'
import { cleanToolSchema } from '../../clean-tool-schema.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import type { ToolDefinition } from '../../integration-type.ts'

const maxTools = 300
const maxSchemaBytes = 20_000
const maxDescriptionChars = 1500

/** What the server says of its tools, bounded and cleaned: all of it is a stranger's words. What cannot be used is left out. */
export function readTools(listed: Tool[]): ToolDefinition[] {
  const definitions = new Map<string, ToolDefinition>()
  for (const tool of listed) {
    if (definitions.size === maxTools) break
    const isName = /^[\x21-\x7e]{1,128}$/.test(tool.name)
    const inputSchema = cleanToolSchema(tool.inputSchema, maxSchemaBytes)
    if (!isName || inputSchema === null || definitions.has(tool.name)) continue
    const title = cleanToolText(tool.title ?? tool.annotations?.title ?? '', 100).replace(/\s+/g, ' ')
    definitions.set(tool.name, {
      name: tool.name,
      title: title || tool.name,
      description: cleanToolText(tool.description ?? '', maxDescriptionChars),
      inputSchema,
      // A hint of the server alone; who does not trust it sets the tool to ask.
      effect: tool.annotations?.readOnlyHint === true ? 'reads' : 'writes',
      isUntrusted: true,
    })
  }
  return [...definitions.values()]
}
