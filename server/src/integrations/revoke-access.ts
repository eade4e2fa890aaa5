import { setTimeout as sleep } from 'node:timers/promises'
import type { Claims } from '../database/database.ts'
import { type OpenIntegration, readIntegration } from './change-credentials.ts'
import { hideSecrets, listSecrets } from './hide-credentials.ts'
import { listIntegrationsOf } from './integration-queries.ts'
import type { IntegrationServices } from './integration-services.ts'
import { revokeTokens } from './oauth/request-token.ts'
import { connectionOf } from './open-connection.ts'
import { readTokens } from './stored-credentials.ts'

const timeoutMs = 10_000
const atOnce = 10

interface Key {
  integrationId: string
  ownerId: string
}

/** Never in the way of a removal: false when the provider did not take back what it gave, null when it gave nothing. */
export async function revokeAccess(services: IntegrationServices, key: Key): Promise<boolean | null> {
  const integration = await readQuietly(services, key)
  return integration === null ? false : await revoke(services, key, integration)
}

/**
 * All that a user connected, or connected to one user agent. Called before the rows go: after a crash in between nobody
 * would know the tokens any more. Ten seconds at most, and never in the way.
 */
export async function revokeAllAccess(
  services: IntegrationServices,
  claims: Claims,
  which: { userAgentId?: string } = {},
): Promise<void> {
  const revokeAll = await prepareRevocation(services, claims, which)
  await revokeAll()
}

/** The same in two steps, where it is open until the rows are gone whether they may go. */
export async function prepareRevocation(
  services: IntegrationServices,
  claims: Claims,
  which: { userAgentId?: string; agentId?: string },
): Promise<() => Promise<void>> {
  const known: [Key, OpenIntegration][] = []
  const types = services.integrationTypes.filter((each) => each.oauth ?? each.revoke).map(({ type }) => type)
  try {
    const ids = await services.database.withUser(claims, (tx) =>
      listIntegrationsOf(tx, claims.sub, { ...which, types }),
    )
    for (const integrationId of ids) {
      const key = { integrationId, ownerId: claims.sub }
      const integration = await readQuietly(services, key)
      if (integration) known.push([key, integration])
    }
  } catch (err) {
    services.log.warn({ err }, 'access is not taken back at the providers')
  }
  return async () => {
    const left = known.values()
    let isOver = false
    const work = Array.from({ length: Math.min(atOnce, known.length) }, async () => {
      for (const [key, integration] of left) if (!isOver) await revoke(services, key, integration)
    })
    const isDone = await Promise.race([Promise.all(work), sleep(timeoutMs, null, { ref: false })])
    isOver = true
    if (!isDone) services.log.warn({ userId: claims.sub }, 'not all access was taken back at the providers in time')
  }
}

async function readQuietly(services: IntegrationServices, key: Key): Promise<OpenIntegration | null> {
  return await readIntegration(services, key).catch((err: unknown) => {
    services.log.warn({ err, integrationId: key.integrationId }, 'credentials could not be read to be taken back')
    return null
  })
}

async function revoke(services: IntegrationServices, key: Key, integration: OpenIntegration): Promise<boolean | null> {
  const signal = AbortSignal.timeout(timeoutMs)
  const { type, settings, credentials } = integration
  try {
    if (type.revoke) return await type.revoke(connectionOf(services, key, integration, signal))
    const tokens = readTokens(credentials)
    return tokens ? await revokeTokens(tokens, { urlGuard: services.urlGuard, signal }) : null
  } catch (error) {
    // The provider may have repeated what it got.
    const reason = hideSecrets(String(error), listSecrets(credentials, settings))
    services.log.warn({ reason, integrationId: key.integrationId }, 'a provider did not take its access back')
    return false
  }
}
