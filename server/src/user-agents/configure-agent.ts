import type { SettingsSchema } from '../agents/capabilities.ts'
import { readCapabilities } from '../agents/stored-capabilities.ts'
import type { Claims, Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { lockLimits, requireModels, requirePlan, requireRoom, requireUpload } from '../limits/require-in-plan.ts'
import type { ModelRegistry } from '../runtime/models/model-registry.ts'
import { checkSettings } from './check-settings.ts'
import { readSettings } from './to-user-agent.ts'
import {
  countIntegrations,
  countUserAgents,
  createUserAgent,
  findConfigurableAgent,
  findUserAgent,
  lockUserAgentsOfUser,
  type UserAgentChange,
  type UserAgentRow,
  updateUserAgent,
} from './user-agent-queries.ts'

const maxUserAgents = 200

interface NewConfiguration {
  agent_id: string
  name?: string | undefined
  settings: Record<string, unknown>
  model?: string | null | undefined
}

export async function getUserAgent(tx: Tx, key: { id: string; userId: string }): Promise<UserAgentRow> {
  const userAgent = await findUserAgent(tx, key)
  if (!userAgent) throw new AppError('not_found')
  return userAgent
}

/** Configures an agent on its present version. */
export async function configureAgent(
  tx: Tx,
  models: ModelRegistry,
  claims: Claims,
  { agent_id, name, settings: given, model }: NewConfiguration,
): Promise<UserAgentRow> {
  const userId = claims.sub
  const agent = await findConfigurableAgent(tx, { agentId: agent_id, userId })
  if (!agent) throw new AppError('not_found', { faults: [{ path: '/agent_id', message: 'There is no such agent.' }] })
  const settings = acceptSettings(readCapabilities(agent.capabilities).settings, given)
  await requireUpload(tx, claims, byteLength(settings))
  const features = await requirePlan(tx, claims)
  // Where the plan is for the built-in model alone, the default of the site would be refused at the first run.
  const wanted = model ?? (features?.models === 'built_in' ? builtInOf(models) : null)
  const accepted = await acceptModel(tx, claims, models, wanted)
  await lockUserAgentsOfUser(tx, userId)
  if ((await countUserAgents(tx, userId)) >= maxUserAgents)
    throw new AppError('conflict', { detail: `You have ${maxUserAgents} agents, which is the most that fit.` })
  await requireRoom(tx, claims, 'user_agents')
  const id = createId()
  await createUserAgent(tx, {
    id,
    user_id: userId,
    agent_id,
    agent_version: agent.version,
    name: name ?? agent.name,
    settings,
    model: accepted,
  })
  return getUserAgent(tx, { id, userId })
}

/** Changes what is given; with `agent_version` moves to the newer version, whose form the settings must then fit. */
export async function reconfigureAgent(
  tx: Tx,
  models: ModelRegistry,
  claims: Claims,
  id: string,
  change: UserAgentChange,
): Promise<UserAgentRow> {
  const key = { id, userId: claims.sub }
  // First: what is on may be switched off at this moment, by a smaller plan that takes effect.
  if (change.is_active) await lockLimits(tx, claims.sub)
  const present = await getUserAgent(tx, key)
  const isUpgrade = change.agent_version !== undefined && change.agent_version !== present.agent_version
  if (isUpgrade && (present.newer_capabilities === null || change.agent_version !== present.present_version))
    throw new AppError('conflict', { detail: 'This version of the agent is not on offer.' })
  const { settings: schema } = readCapabilities(isUpgrade ? present.newer_capabilities : present.capabilities)
  const given = change.settings ?? (isUpgrade ? readSettings(present.settings) : undefined)
  const isNewModel = change.model !== undefined && change.model !== present.model
  const accepted: UserAgentChange = {
    ...change,
    settings: given && acceptSettings(schema, given),
    model: isNewModel ? await acceptModel(tx, claims, models, change.model ?? null) : undefined,
  }
  if (Object.values(accepted).every((value) => value === undefined)) return present
  if (accepted.settings) await requireUpload(tx, claims, byteLength(accepted.settings))
  if (change.is_active && !present.is_active) await requireRoomFor(tx, claims, id)
  if (!(await updateUserAgent(tx, { ...key, agentVersion: present.agent_version }, accepted)))
    throw new AppError('conflict', { detail: 'Your agent was changed in the meantime.' })
  return getUserAgent(tx, key)
}

function acceptSettings(schema: SettingsSchema, given: Record<string, unknown>): Record<string, unknown> {
  const { settings, faults } = checkSettings(schema, given)
  if (faults.length > 0) throw new AppError('invalid_settings', { faults })
  return settings
}

/** Switched on, an agent and its integrations count. */
async function requireRoomFor(tx: Tx, claims: Claims, id: string): Promise<void> {
  await requireRoom(tx, claims, 'user_agents')
  await requireRoom(tx, claims, 'integrations', await countIntegrations(tx, id))
}

const byteLength = (settings: Record<string, unknown>) => Buffer.byteLength(JSON.stringify(settings))

const builtInOf = (models: ModelRegistry) => models.list().find(({ isBuiltIn }) => isBuiltIn)?.id ?? null

async function acceptModel(tx: Tx, claims: Claims, models: ModelRegistry, id: string | null): Promise<string | null> {
  if (id === null) return null
  const model = models.find(id)
  if (!model)
    throw new AppError('model_not_allowed', {
      faults: [{ path: '/model', message: 'This model is not offered here.' }],
    })
  if (!model.isBuiltIn) await requireModels(tx, claims)
  return model.id
}
