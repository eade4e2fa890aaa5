import type { JSONSchema7 } from '@ai-sdk/provider'
import type { Capabilities, Settings } from '../../agents/capabilities.ts'
import type { Citation } from '../run-types.ts'

/** What a tool sees of the run it is called in. */
export interface ToolContext {
  signal: AbortSignal
  settings: Settings
  capabilities: Capabilities
  /** Registers a text the answer rests on and gives back its number; the same title of the same path keeps its number. */
  addCitation: (citation: Omit<Citation, 'number'>) => number
}

/** A tool the model may call. A thrown error reaches the model as the result of the call, so its message says how to do better. */
export interface RunTool {
  name: string
  description: string
  inputSchema: JSONSchema7
  execute(input: unknown, context: ToolContext): Promise<unknown>
}
