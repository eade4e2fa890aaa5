import type { Capabilities, Settings } from '../agents/capabilities.ts'
import { readCapabilities } from '../agents/stored-capabilities.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError } from '../errors.ts'

const maxAgentVersions = 1000
const maxSettings = 5000

/** An agent as a version of it stands for ever; `capabilities` is parsed once. */
export interface AgentVersion {
  name: string
  capabilities: Capabilities
}

export interface KnownSettings {
  version: string
  settings: Settings
}

/**
 * What runs read again and again, kept in memory: agent versions, which never change once somebody runs on them, and
 * the settings of user agents, which the database sends again when they have changed. Only what a row under row-level
 * security has just pointed to is ever taken from here.
 */
export interface ConfiguredAgents {
  getAgentVersion(claims: Claims, agentId: string, version: number): Promise<AgentVersion>
  findSettings(userAgentId: string): KnownSettings | null
  keepSettings(userAgentId: string, known: KnownSettings): void
}

export function createConfiguredAgents(database: Database): ConfiguredAgents {
  const versions = new Map<string, AgentVersion>()
  const settings = new Map<string, KnownSettings>()

  return {
    async getAgentVersion(claims, agentId, version) {
      const key = `${agentId}/${version}`
      const known = versions.get(key)
      if (known) return known
      const row = await database.withUser(claims, (tx) =>
        tx
          .selectFrom('agent_versions')
          .select(['name', 'capabilities'])
          .where('agent_id', '=', agentId)
          .where('version', '=', version)
          .executeTakeFirst(),
      )
      if (!row) throw new AppError('not_found')
      const parsed = { name: row.name, capabilities: readCapabilities(row.capabilities) }
      keep(versions, key, parsed, maxAgentVersions)
      return parsed
    },
    findSettings: (userAgentId) => settings.get(userAgentId) ?? null,
    keepSettings: (userAgentId, known) => keep(settings, userAgentId, known, maxSettings),
  }
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value, limit: number): void {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > limit && !oldest.done) map.delete(oldest.value)
}
