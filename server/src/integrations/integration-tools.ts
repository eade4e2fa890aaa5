import type { Settings } from '../agents/capabilities.ts'
import type { IntegrationTool, IntegrationType, ListedTools, ToolDefinition } from './integration-type.ts'

export type ToolPermission = 'ask' | 'always' | 'never'

interface ToolColumns {
  settings: unknown
  tools: unknown
  tool_permissions: unknown
}

export function hasListedTools(type: IntegrationType): type is IntegrationType & { tools: ListedTools } {
  return !Array.isArray(type.tools)
}

/** The tools of a type that brings its own; empty for one whose server lists them. */
export function ownTools(type: IntegrationType): readonly IntegrationTool[] {
  return hasListedTools(type) ? [] : (type.tools as readonly IntegrationTool[])
}

/** What this connection offers at present. */
export function toolsOf(type: IntegrationType, row: ToolColumns): ToolDefinition[] {
  if (hasListedTools(type)) return readStoredTools(row.tools)
  const settings = row.settings as Settings
  return ownTools(type).filter((tool) => tool.isOffered?.(settings) ?? true)
}

/** The column `integrations.tools`, which is written only after `boundTools`. */
export function readStoredTools(stored: unknown): ToolDefinition[] {
  return Array.isArray(stored) ? (stored as ToolDefinition[]) : []
}

export function readPermissions(stored: unknown): Record<string, ToolPermission> {
  return (stored ?? {}) as Record<string, ToolPermission>
}

/** What its owner chose, else reading is allowed and writing asks. */
export function permissionOf(
  { name, effect }: Pick<ToolDefinition, 'name' | 'effect'>,
  permissions: Record<string, ToolPermission>,
): ToolPermission {
  const chosen = Object.hasOwn(permissions, name) ? permissions[name] : undefined
  return chosen ?? (effect === 'reads' ? 'always' : 'ask')
}
