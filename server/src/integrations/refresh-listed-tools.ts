import { isDeepStrictEqual } from 'node:util'
import { changeCredentials } from './change-credentials.ts'
import { updateIntegration } from './integration-queries.ts'
import type { IntegrationServices } from './integration-services.ts'
import { hasListedTools, readPermissions, readStoredTools, type ToolPermission } from './integration-tools.ts'
import type { Connection, IntegrationType, ToolDefinition } from './integration-type.ts'

const maxTools = 200
/** Of one tool as JSON, and of all together. */
const maxToolLength = 50_000
const maxAllLength = 500_000
/** A server that lists other tools each time must not fill the row. */
const maxPermissions = 1000

/** Asks the server behind the connection which tools it has now, and keeps the list. */
export async function refreshListedTools(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
  type: IntegrationType,
  connection: Connection,
): Promise<ToolDefinition[]> {
  if (!hasListedTools(type)) return []
  const tools = boundTools(await type.tools.list(connection))
  await changeCredentials(services, key, async ({ row }, tx) => {
    const before = readStoredTools(row.tools)
    const permissions = distrustChanges(before, tools, readPermissions(row.tool_permissions))
    await updateIntegration(tx, row.id, { tools, tool_permissions: permissions, tools_listed_at: new Date() })
    return { credentials: null, result: null }
  })
  return tools
}

/** As many as can be kept; what is too long, or has the name of another, is left out. */
export function boundTools(tools: readonly ToolDefinition[]): ToolDefinition[] {
  const kept = new Map<string, ToolDefinition>()
  let length = 0
  for (const tool of tools) {
    const { name, title, description, inputSchema, outputSchema, effect, isUntrusted } = tool
    if (kept.has(name) || kept.size >= maxTools) continue
    const one = { name, title, description, inputSchema, ...(outputSchema && { outputSchema }), effect, isUntrusted }
    const size = JSON.stringify(one).length
    if (size > maxToolLength || length + size > maxAllLength) continue
    length += size
    kept.set(name, one)
  }
  return [...kept.values()]
}

/**
 * Nobody said `always` to what a tool has become since. One that now says of itself that it only reads asks as well,
 * until its owner has looked at it.
 */
export function distrustChanges(
  before: readonly ToolDefinition[],
  after: readonly ToolDefinition[],
  permissions: Record<string, ToolPermission>,
): Record<string, ToolPermission> {
  // A map: a tool may be called `constructor`.
  const next = new Map(Object.entries(permissions))
  for (const known of before) {
    const now = after.find(({ name }) => name === known.name)
    if (now && isDeepStrictEqual(storable(now), storable(known))) continue
    const chosen = next.get(known.name)
    // One that is not there now may come back as one that only reads.
    const mayTurnHarmless = known.effect === 'writes' && now?.effect !== 'writes' && next.size < maxPermissions
    if (chosen === 'always' || (mayTurnHarmless && chosen === undefined)) next.set(known.name, 'ask')
  }
  return Object.fromEntries(next)
}

/** As it comes back from the database: without what is undefined. */
const storable = (tool: ToolDefinition): unknown => JSON.parse(JSON.stringify(tool))
