import type { Claims } from '../database/database.ts'
import { watchSecrets } from './hide-credentials.ts'
import {
  claimToolListing,
  type IntegrationRow,
  listIntegrations,
  markFailing,
  markWorking,
} from './integration-queries.ts'
import { findIntegrationType, type IntegrationServices } from './integration-services.ts'
import {
  hasListedTools,
  ownTools,
  permissionOf,
  readPermissions,
  type ToolPermission,
  toolsOf,
} from './integration-tools.ts'
import { type Connection, ConnectionFailed, type IntegrationType, type ToolDefinition } from './integration-type.ts'
import { openConnection } from './open-connection.ts'
import { refreshListedTools } from './refresh-listed-tools.ts'
import { nameTools } from './tool-names.ts'

const listedAnewAfterMs = 3_600_000
const listTimeoutMs = 15_000
const maxFailureLength = 500

export interface ConnectedTool {
  /** For the model. */
  name: string
  integrationId: string
  integrationTitle: string
  permission: ToolPermission
  definition: ToolDefinition
  describeCall?: (input: unknown) => string
  /** A thrown error is for the model and the owner: it holds no secret. */
  execute(input: unknown, signal: AbortSignal): Promise<unknown>
}

/**
 * The tools of what is connected to a user agent, those switched to `never` as well. Empty for anybody but its owner.
 * `types`: those the plan includes, null for all.
 */
export async function listConnectedTools(
  services: IntegrationServices,
  claims: Claims,
  userAgentId: string,
  types: readonly string[] | null = null,
): Promise<ConnectedTool[]> {
  const rows = await services.database.withUser(claims, (tx) => listIntegrations(tx, userAgentId))
  const found = rows.flatMap((row) => {
    const type = findIntegrationType(services, row.type)
    if (!type || (types && !types.includes(row.type))) return []
    const key = { integrationId: row.id, ownerId: claims.sub }
    if (isListOld(type, row)) void listAnew(services, key, type, row.tools_listed_at)
    const permissions = readPermissions(row.tool_permissions)
    return toolsOf(type, row).map((definition) => ({
      type: type.type,
      integrationId: row.id,
      tool: definition.name,
      connected: {
        integrationId: row.id,
        integrationTitle: row.name ?? type.title,
        permission: permissionOf(definition, permissions),
        definition,
        ...describeWith(type, definition.name),
        execute: (input: unknown, signal: AbortSignal) =>
          withConnection(services, key, signal, (connection) => call(type, definition.name, input, connection)),
      },
    }))
  })
  const names = nameTools(found)
  return found.map((one) => ({ name: names.get(one) ?? one.tool, ...one.connected }))
}

function describeWith(type: IntegrationType, name: string): Pick<ConnectedTool, 'describeCall'> {
  const tool = ownTools(type).find((one) => one.name === name)
  return tool?.describeCall ? { describeCall: (input) => tool.describeCall?.(input) ?? tool.title } : {}
}

function call(type: IntegrationType, name: string, input: unknown, connection: Connection): Promise<unknown> {
  if (hasListedTools(type)) return type.tools.call(connection, name, input)
  const tool = ownTools(type).find((one) => one.name === name)
  if (!tool) throw new Error('This tool is not there any more.')
  return tool.execute(input, connection)
}

/**
 * Opens the connection for one call and notes how it went. Whatever comes back is without the credentials, also when the
 * server behind it repeats them.
 */
export async function withConnection<Result>(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
  signal: AbortSignal,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  let hide = <T>(value: T): T => value
  try {
    const watched = watchSecrets(await openConnection(services, key, signal))
    hide = watched.hide
    const result = await work(watched.connection)
    await note(services, (tx) => markWorking(tx, key.integrationId))
    return hide(result)
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) throw error
    const message = hide(error.message).slice(0, maxFailureLength)
    if (!(error instanceof ConnectionFailed)) throw new Error(message)
    const needsReconnect = error.kind === 'credentials'
    await note(services, (tx) =>
      markFailing(tx, key.integrationId, { failure: message.toWellFormed(), needsReconnect }),
    )
    throw new ConnectionFailed(error.kind, message)
  }
}

/** What is noted must not undo what was done: a mail that was sent is sent. */
async function note(services: IntegrationServices, work: Parameters<typeof services.database.asSystem<void>>[1]) {
  await services.database
    .asSystem('how a connection went is noted for its owner', work)
    .catch((err: unknown) => services.log.warn({ err }, 'the state of an integration was not noted'))
}

function isListOld(type: IntegrationType, { tools_listed_at: at, status }: IntegrationRow): boolean {
  return hasListedTools(type) && status === 'connected' && (at?.getTime() ?? 0) < Date.now() - listedAnewAfterMs
}

/** Beside the run: this one still works with the list that is there. */
async function listAnew(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
  type: IntegrationType,
  listedAt: Date | null,
): Promise<void> {
  try {
    const isOurs = await services.database.asSystem('one server lists the tools of a connection anew', (tx) =>
      claimToolListing(tx, key.integrationId, listedAt),
    )
    if (!isOurs) return
    const signal = AbortSignal.timeout(listTimeoutMs)
    await withConnection(services, key, signal, (connection) => refreshListedTools(services, key, type, connection))
  } catch (err) {
    services.log.info({ err, integrationId: key.integrationId }, 'the tools of an integration were not listed anew')
  }
}
