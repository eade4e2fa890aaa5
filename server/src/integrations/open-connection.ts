import type { Settings } from '../agents/capabilities.ts'
import { type OpenIntegration, readIntegration, type Vault } from './change-credentials.ts'
import { queueDeliveries } from './deliveries/delivery-queries.ts'
import { giveUp } from './integration-queries.ts'
import type { IntegrationServices } from './integration-services.ts'
import { type Connection, ConnectionFailed, type Credentials } from './integration-type.ts'
import { getAccessToken } from './oauth/get-access-token.ts'

const enterAgain = 'The credentials have to be entered again.'

/**
 * The account as its tools use it. Throws `ConnectionFailed` when its owner has to connect it again, and not found for
 * anybody but its owner.
 */
export async function openConnection(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
  signal: AbortSignal,
): Promise<Connection> {
  return connectionOf(services, key, await openIntegration(services, key), signal)
}

/** The same with what is known of the integration. */
export async function openIntegration(
  services: Vault,
  { integrationId, ownerId }: { integrationId: string; ownerId: string },
): Promise<OpenIntegration> {
  const integration = await readIntegration(services, { integrationId, ownerId })
  const { row, isReadable } = integration
  if (row.status !== 'connected') throw new ConnectionFailed('credentials', row.failure ?? enterAgain)
  if (!isReadable) {
    await services.database.asSystem('credentials that cannot be read are flagged for their owner', (tx) =>
      giveUp(tx, [{ id: integrationId, sealed: row.credentials }], enterAgain),
    )
    throw new ConnectionFailed('credentials', enterAgain)
  }
  return integration
}

export function connectionOf(
  services: IntegrationServices,
  { integrationId, ownerId }: { integrationId: string; ownerId: string },
  { row, settings, credentials }: OpenIntegration,
  signal: AbortSignal,
): Connection {
  return {
    integrationId,
    userAgentId: row.user_agent_id,
    ownerId,
    settings,
    credentials,
    urlGuard: services.urlGuard,
    signal,
    getAccessToken: () => getAccessToken(services, { integrationId, ownerId }, signal),
    async queueDelivery(event, payload) {
      const claims = { sub: ownerId, user_role: 'user' } as const
      const delivery = { integration_id: integrationId, user_id: ownerId, log_id: null, event, payload }
      const [id = ''] = await services.database.withUser(claims, (tx) => queueDeliveries(tx, [delivery]))
      return id
    },
  }
}

/** An account that is tried out before it is stored; nobody can have signed in yet. */
export function unstoredConnection(
  services: Pick<IntegrationServices, 'urlGuard'>,
  place: { userAgentId: string; ownerId: string },
  entered: { settings: Settings; credentials: Credentials },
  signal: AbortSignal,
): Connection {
  return {
    integrationId: null,
    ...place,
    ...entered,
    urlGuard: services.urlGuard,
    signal,
    async getAccessToken() {
      throw new ConnectionFailed('credentials', 'Save it, then sign in at the provider.')
    },
  }
}
