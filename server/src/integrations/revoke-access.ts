import { readIntegration } from './change-credentials.ts'
import type { IntegrationServices } from './integration-services.ts'
import { revokeTokens } from './oauth/request-token.ts'
import { connectionOf } from './open-connection.ts'
import { readTokens } from './stored-credentials.ts'

const timeoutMs = 10_000

/** Never in the way of a removal: false when the provider did not take back what it gave, null when it gave nothing. */
export async function revokeAccess(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
): Promise<boolean | null> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const integration = await readIntegration(services, key)
    const { type, credentials } = integration
    if (type.revoke) return await type.revoke(connectionOf(services, key, integration, signal))
    const tokens = readTokens(credentials)
    return tokens ? await revokeTokens(tokens, { urlGuard: services.urlGuard, signal }) : null
  } catch (err) {
    services.log.warn({ err, integrationId: key.integrationId }, 'a provider did not take its access back')
    return false
  }
}
