import type { z } from 'zod'
import type { Settings } from '../agents/capabilities.ts'
import { readCapabilities, readStoredType } from '../agents/stored-capabilities.ts'
import { readChanges } from '../agents/to-agent.ts'
import { checkSettings } from './check-settings.ts'
import { findUnconnected } from './missing-integrations.ts'
import type { UserAgentRow } from './user-agent-queries.ts'
import type { userAgentSchema } from './user-agent-schemas.ts'

type UserAgent = z.output<typeof userAgentSchema>

/** What the API shows of a user agent to its owner. */
export function toUserAgent(
  row: UserAgentRow,
  integrationTypes: readonly { type: string; title: string }[],
): UserAgent {
  const { agent_name, agent_description, capabilities: stored, present_type, present_version } = row
  const capabilities = readCapabilities(stored)
  const { missing, optional } = findUnconnected(capabilities, row.connected_types, integrationTypes)
  return {
    id: row.id,
    name: row.name,
    agent_id: row.agent_id,
    agent: {
      name: agent_name,
      description: agent_description,
      type: readStoredType(stored) ?? present_type ?? 'other',
      version: present_version ?? row.agent_version,
    },
    agent_version: row.agent_version,
    settings: readSettings(row.settings),
    is_active: row.is_active,
    model: row.model,
    starters: capabilities.starters,
    settings_schema: capabilities.settings,
    created_at: row.created_at,
    updated_at: row.updated_at,
    update: toUpdate(row),
    missing_integrations: missing,
    optional_integrations: optional,
  }
}

/** The column `user_agents.settings`, which is written only after validation. */
export function readSettings(stored: unknown): Settings {
  return stored as Settings
}

function toUpdate(row: UserAgentRow): UserAgent['update'] {
  if (row.present_version === null || row.newer_capabilities === null) return null
  const { settings: settings_schema } = readCapabilities(row.newer_capabilities)
  return {
    version: row.present_version,
    changes: readChanges(row.newer_changes).filter((change) => change.version > row.agent_version),
    settings_schema,
    faults: checkSettings(settings_schema, readSettings(row.settings)).faults,
  }
}
