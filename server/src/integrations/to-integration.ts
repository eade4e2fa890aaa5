import type { z } from 'zod'
import type { Settings } from '../agents/capabilities.ts'
import type { IntegrationRow } from './integration-queries.ts'
import type { integrationSchema, integrationTypeSchema } from './integration-schemas.ts'
import { findIntegrationType, type IntegrationServices } from './integration-services.ts'
import { hasListedTools, ownTools, permissionOf, readPermissions, toolsOf } from './integration-tools.ts'
import type { IntegrationType } from './integration-type.ts'
import { needsOAuth } from './stored-credentials.ts'

/** What the API shows of an integration to its owner. */
export function toIntegration(
  services: Pick<IntegrationServices, 'integrationTypes'>,
  row: IntegrationRow,
): z.output<typeof integrationSchema> {
  const type = findIntegrationType(services, row.type)
  const permissions = readPermissions(row.tool_permissions)
  const settings = row.settings as Settings
  const credentials = row.credentials_summary as Record<string, string>
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    state: row.status === 'reconnect' ? 'reconnect' : row.failing_since ? 'failing' : 'connected',
    failure: row.failure,
    failing_since: row.failing_since,
    settings,
    credentials,
    needs_authorization: type !== null && needsOAuth(type, settings) && credentials.oauth === undefined,
    tools: (type ? toolsOf(type, row) : []).map((tool) => ({
      name: tool.name,
      title: tool.title,
      description: tool.description,
      effect: tool.effect,
      permission: permissionOf(tool, permissions),
      input_schema: tool.inputSchema as Record<string, unknown>,
    })),
    tools_listed_at: row.tools_listed_at,
    last_tested_at: row.last_tested_at,
    created_at: row.created_at,
    updated_at: row.updated_at,
  }
}

export function toIntegrationType(
  { config }: Pick<IntegrationServices, 'config'>,
  type: IntegrationType,
): z.output<typeof integrationTypeSchema> {
  const needs_oauth = type.oauth !== undefined
  return {
    type: type.type,
    title: type.title,
    description: type.description,
    icon: type.icon,
    documentation: type.documentation,
    settings: type.settings as unknown as z.output<typeof integrationTypeSchema>['settings'],
    credentials: type.credentials as unknown as z.output<typeof integrationTypeSchema>['credentials'],
    scopes: type.scopes,
    tools: ownTools(type).map(({ name, title, description, effect }) => ({ name, title, description, effect })),
    lists_tools: hasListedTools(type),
    needs_oauth,
    is_oauth_configured:
      needs_oauth && (type.usesOperatorClient !== true || config.oauthClients[type.type] !== undefined),
  }
}
