import type { Config } from '../config.ts'
import type { IntegrationType } from './integration-type.ts'

/** What types may depend on: settings of the operator, none of them secret. */
export type IntegrationTypeConfig = Pick<Config, 'mcpStdioCommands'>

/** Every kind of account that can be connected, in the order people see them. A new type is added here and in its folder. */
export function createIntegrationTypes(_config: IntegrationTypeConfig): IntegrationType[] {
  return []
}
