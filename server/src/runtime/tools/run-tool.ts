import type { Capabilities, Settings } from '../../agents/capabilities.ts'
import type { ToolPermission } from '../../integrations/integration-tools.ts'
import type { ToolDefinition } from '../../integrations/integration-type.ts'
import type { RunMemories } from '../run-memories.ts'
import type { Citation } from '../run-types.ts'

/** What a tool sees of the run it is called in. */
export interface ToolContext {
  signal: AbortSignal
  settings: Settings
  capabilities: Capabilities
  memories: RunMemories
  /** Whether content from outside was in the prompt when the model asked for this call. */
  hasUntrusted: boolean
  /** Registers a text the answer rests on and gives back its number; the same title of the same path keeps its number. */
  addCitation: (citation: Omit<Citation, 'number'>) => number
  /** Marks this one result as content from outside, for tools whose results only sometimes are. */
  markUntrusted: () => void
  /** Searches the tools that were too many to be shown, and shows what it finds from the next step on. */
  findTools: (query: string) => Pick<RunTool, 'name' | 'title' | 'description'>[]
}

/** A tool the model may call. A thrown error reaches the model as the result of the call, so its message says how to do better. */
export interface RunTool extends ToolDefinition {
  /** As the model knows it. */
  name: string
  /** After content from outside a tool that writes asks in any case. */
  permission: ToolPermission
  /** Null: a tool of our own. */
  integrationId: string | null
  /** The tool's name within its integration, which stays when names for the model move. */
  ownName: string
  /** What will be done with this input, in one line, for whoever approves it. */
  describeCall?: (input: unknown) => string
  execute(input: unknown, context: ToolContext): Promise<unknown>
}

/** A tool of our own: reads, trusted and never asking, unless it says otherwise. */
export function builtInTool(
  tool: Pick<RunTool, 'name' | 'title' | 'description' | 'inputSchema' | 'execute'> & Partial<RunTool>,
): RunTool {
  return {
    effect: 'reads',
    isUntrusted: false,
    permission: 'always',
    integrationId: null,
    ownName: tool.name,
    ...tool,
  }
}
