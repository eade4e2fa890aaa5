import { sealSecret } from '../crypto/seal-secret.ts'
import type { Claims } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { lockLimits, requireIntegrationType, requireRoom } from '../limits/require-in-plan.ts'
import { getUserAgent } from '../user-agents/configure-agent.ts'
import {
  acceptIntegration,
  findMovedCredentials,
  getIntegrationType,
  keptBesideForm,
  refuse,
} from './accept-integration.ts'
import { changeCredentials, explainDroppedKey } from './change-credentials.ts'
import {
  countIntegrationsLocked,
  createIntegration,
  deleteIntegration,
  findIntegration,
  type IntegrationRow,
  updateIntegration,
} from './integration-queries.ts'
import type { IntegrationServices } from './integration-services.ts'
import { permissionOf, readPermissions, type ToolPermission, toolsOf } from './integration-tools.ts'
import { revokeAccess } from './revoke-access.ts'
import { summarizeCredentials } from './summarize-credentials.ts'

const maxIntegrations = 20

export interface Place {
  userAgentId: string
  integrationId: string
}

interface Changed {
  row: IntegrationRow
  madeCredentials: Record<string, string>
}

export async function getIntegration(
  { database }: Pick<IntegrationServices, 'database'>,
  claims: Claims,
  { userAgentId, integrationId: id }: Place,
): Promise<IntegrationRow> {
  const row = await database.withUser(claims, (tx) => findIntegration(tx, { id, userAgentId }))
  if (!row) throw new AppError('not_found')
  return row
}

/** Stores what was entered; whether it works, only a test tells. */
export async function connectIntegration(
  services: IntegrationServices,
  claims: Claims,
  userAgentId: string,
  entered: {
    type: string
    name?: string | undefined
    settings: Record<string, unknown>
    credentials: Record<string, unknown>
  },
): Promise<Changed> {
  const type = getIntegrationType(services, entered.type)
  const { settings, credentials, madeCredentials } = acceptIntegration(type, entered)
  const id = createId()
  const context = { purpose: 'integrations.credentials', rowId: id, ownerId: claims.sub } as const
  const sealed = Object.keys(credentials).length > 0 ? await sealSecret(services.keyring, context, credentials) : null
  const work = services.database.withUser(claims, async (tx) => {
    // First: the agent may be switched on at this moment, with the accounts that it has.
    await lockLimits(tx, claims.sub)
    const { is_active } = await getUserAgent(tx, { id: userAgentId, userId: claims.sub })
    await requireIntegrationType(tx, claims, type.type)
    if (is_active) await requireRoom(tx, claims, 'integrations')
    if ((await countIntegrationsLocked(tx, userAgentId)) >= maxIntegrations)
      throw new AppError('integration_limit', { detail: `${maxIntegrations} integrations fit to one agent.` })
    await createIntegration(tx, {
      id,
      user_agent_id: userAgentId,
      type: type.type,
      name: entered.name || null,
      settings,
      credentials_summary: summarizeCredentials(type.credentials, credentials),
      sealed,
    })
    return await findIntegration(tx, { id, userAgentId })
  })
  const row = await explainDroppedKey(work)
  if (!row) throw new AppError('not_found')
  return { row, madeCredentials }
}

/** Puts single fields in place of what was there; `null` takes one away. */
export async function changeIntegration(
  services: IntegrationServices,
  claims: Claims,
  place: Place,
  change: {
    name?: string | null | undefined
    settings?: Record<string, unknown> | undefined
    credentials?: Record<string, unknown> | undefined
  },
): Promise<Changed> {
  await getIntegration(services, claims, place)
  const key = { integrationId: place.integrationId, ownerId: claims.sub }
  const madeCredentials = await changeCredentials(services, key, async (present, tx) => {
    const { type, row } = present
    const formNames = Object.keys(type.credentials.properties)
    const stored = Object.fromEntries(Object.entries(present.credentials).filter(([name]) => formNames.includes(name)))
    const accepted = acceptIntegration(type, {
      settings: merge(present.settings, change.settings),
      credentials: merge(stored, change.credentials),
    })
    const move = { before: present.settings, after: accepted.settings }
    const moved = findMovedCredentials(type, {
      ...move,
      stored: accepted.credentials,
      entered: change.credentials ?? {},
    })
    if (moved.length > 0) refuse(moved)
    const kept = keptBesideForm(type, present.credentials, move)
    await updateIntegration(tx, row.id, {
      settings: accepted.settings,
      ...(change.name !== undefined && { name: change.name || null }),
    })
    // What cannot be read any more has to be entered as a whole, which the form saw to.
    const isChanged =
      change.credentials !== undefined ||
      JSON.stringify(kept) !== JSON.stringify(without(present.credentials, formNames))
    const credentials = { ...kept, ...accepted.credentials }
    return { credentials: isChanged ? credentials : null, result: accepted.madeCredentials }
  })
  return { row: await getIntegration(services, claims, place), madeCredentials }
}

/** Whether the provider took back what it gave; null: there was nothing to take back. */
export async function removeIntegration(
  services: IntegrationServices,
  claims: Claims,
  place: Place,
): Promise<boolean | null> {
  await getIntegration(services, claims, place)
  const isRevoked = await revokeAccess(services, { integrationId: place.integrationId, ownerId: claims.sub })
  const isDeleted = await services.database.withUser(claims, (tx) => deleteIntegration(tx, place.integrationId))
  if (!isDeleted) throw new AppError('not_found')
  return isRevoked
}

export async function setToolPermission(
  services: IntegrationServices,
  claims: Claims,
  place: Place,
  { tool, permission }: { tool: string; permission: ToolPermission },
): Promise<IntegrationRow> {
  await getIntegration(services, claims, place)
  const key = { integrationId: place.integrationId, ownerId: claims.sub }
  await changeCredentials(services, key, async ({ row, type }, tx) => {
    const permissions = readPermissions(row.tool_permissions)
    const known = toolsOf(type, row).find(({ name }) => name === tool)
    if (!known) throw new AppError('not_found')
    const { [tool]: _, ...others } = permissions
    const isDefault = permissionOf(known, {}) === permission
    await updateIntegration(tx, row.id, { tool_permissions: isDefault ? others : { ...others, [tool]: permission } })
    return { credentials: null, result: null }
  })
  return await getIntegration(services, claims, place)
}

function merge(present: Record<string, unknown>, change: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...present, ...change }).filter(([, value]) => value !== null))
}

function without(values: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)))
}
