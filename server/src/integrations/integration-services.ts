import type { Config } from '../config.ts'
import type { Keyring } from '../crypto/keyring.ts'
import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { UrlGuard } from '../url-guard/url-guard.ts'
import type { IntegrationType } from './integration-type.ts'

/** What connected accounts are used with. */
export interface IntegrationServices {
  config: Pick<Config, 'publicUrl' | 'oauthClients'>
  database: Database
  keyring: Keyring
  log: Log
  urlGuard: UrlGuard
  /** In the order people see them. */
  integrationTypes: readonly IntegrationType[]
}

/** Null for one that this version does not have any more. */
export function findIntegrationType(
  { integrationTypes }: Pick<IntegrationServices, 'integrationTypes'>,
  name: string,
): IntegrationType | null {
  return integrationTypes.find(({ type }) => type === name) ?? null
}
