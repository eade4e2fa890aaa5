import type { Config } from '../config.ts'
import type { IntegrationType } from './integration-type.ts'
import { createGithubType } from './types/github/github-type.ts'
import { httpType } from './types/http/http-type.ts'
import { imapType } from './types/imap/imap-type.ts'
import { createMcpType } from './types/mcp/mcp-type.ts'
import { openapiType } from './types/openapi/openapi-type.ts'
import { postgresqlType } from './types/postgresql/postgresql-type.ts'
import { createSlackType } from './types/slack/slack-type.ts'
import { smtpType } from './types/smtp/smtp-type.ts'
import { createWebSearchType } from './types/web_search/web-search-type.ts'
import { webhookType } from './types/webhook/webhook-type.ts'

/** What types may depend on: settings of the operator, none of them secret. */
export type IntegrationTypeConfig = Pick<Config, 'mcpStdioCommands'>

/** Every kind of account that can be connected, in the order people see them. A new type is added here and in its folder. */
export function createIntegrationTypes(config: IntegrationTypeConfig): IntegrationType[] {
  return [
    httpType,
    webhookType,
    createMcpType({ stdioCommands: config.mcpStdioCommands }),
    openapiType,
    smtpType,
    imapType,
    postgresqlType,
    createSlackType(),
    createGithubType(),
    createWebSearchType(),
  ]
}
