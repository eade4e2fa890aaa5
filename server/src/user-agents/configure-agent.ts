import type { SettingsSchema } from '../agents/capabilities.ts'
import { readCapabilities } from '../agents/stored-capabilities.ts'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import type { ModelRegistry } from '../runtime/models/model-registry.ts'
import { checkSettings } from './check-settings.ts'
import { readSettings } from './to-user-agent.ts'
import {
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
  userId: string,
  { agent_id, name, settings: given, model }: NewConfiguration,
): Promise<UserAgentRow> {
  const agent = await findConfigurableAgent(tx, { agentId: agent_id, userId })
  if (!agent) throw new AppError('not_found', { faults: [{ path: '/agent_id', message: 'There is no such agent.' }] })
  const settings = acceptSettings(readCapabilities(agent.capabilities).settings, given)
  await lockUserAgentsOfUser(tx, userId)
  if ((await countUserAgents(tx, userId)) >= maxUserAgents)
    throw new AppError('conflict', { detail: `You have ${maxUserAgents} agents, which is the most that fit.` })
  const id = createId()
  await createUserAgent(tx, {
    id,
    user_id: userId,
    agent_id,
    agent_version: agent.version,
    name: name ?? agent.name,
    settings,
    model: acceptModel(models, model ?? null),
  })
  return getUserAgent(tx, { id, userId })
}

/** Changes what is given; with `agent_version` moves to the newer version, whose form the settings must then fit. */
export async function reconfigureAgent(
  tx: Tx,
  models: ModelRegistry,
  key: { id: string; userId: string },
  change: UserAgentChange,
): Promise<UserAgentRow> {
  const present = await getUserAgent(tx, key)
  const isUpgrade = change.agent_version !== undefined && change.agent_version !== present.agent_version
  if (isUpgrade && (present.newer_capabilities === null || change.agent_version !== present.present_version))
    throw new AppError('conflict', { detail: 'This version of the agent is not on offer.' })
  const { settings: schema } = readCapabilities(isUpgrade ? present.newer_capabilities : present.capabilities)
  const given = change.settings ?? (isUpgrade ? readSettings(present.settings) : undefined)
  const accepted: UserAgentChange = {
    ...change,
    settings: given && acceptSettings(schema, given),
    model: change.model === undefined ? undefined : acceptModel(models, change.model),
  }
  if (Object.values(accepted).every((value) => value === undefined)) return present
  if (!(await updateUserAgent(tx, { ...key, agentVersion: present.agent_version }, accepted)))
    throw new AppError('conflict', { detail: 'Your agent was changed in the meantime.' })
  return getUserAgent(tx, key)
}

function acceptSettings(schema: SettingsSchema, given: Record<string, unknown>): Record<string, unknown> {
  const { settings, faults } = checkSettings(schema, given)
  if (faults.length > 0) throw new AppError('invalid_settings', { faults })
  return settings
}

function acceptModel(models: ModelRegistry, id: string | null): string | null {
  if (id === null) return null
  const model = models.find(id)
  if (!model)
    throw new AppError('model_not_allowed', {
      faults: [{ path: '/model', message: 'This model is not offered here.' }],
    })
  return model.id
}
