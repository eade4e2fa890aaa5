import type { Claims } from '../../database/database.ts'
import { listIntegrations } from '../integration-queries.ts'
import type { IntegrationServices } from '../integration-services.ts'
import { webhookPayload } from '../types/webhook/send-webhook.ts'
import { queueDeliveries } from './delivery-queries.ts'

export interface EndedRun {
  id: string
  user_agent_id: string
  conversation_id: string
  status: string
  input: string
  output: string | null
  error_code: string | null
}

/**
 * Tells the webhooks of this user agent that asked for it. For runs of agents that have something connected: it looks
 * into the database.
 */
export async function queueRunEnded(
  { database }: Pick<IntegrationServices, 'database'>,
  claims: Claims,
  { id, ...run }: EndedRun,
): Promise<void> {
  await database.withUser(claims, async (tx) => {
    const rows = await listIntegrations(tx, run.user_agent_id)
    const wanted = rows.filter(
      ({ type, status, settings }) =>
        type === 'webhook' &&
        status === 'connected' &&
        (settings as { send_run_ended?: unknown }).send_run_ended === true,
    )
    const event = 'run.ended'
    const payload = webhookPayload(event, { run_id: id, ...run })
    await queueDeliveries(
      tx,
      wanted.map((row) => ({ integration_id: row.id, user_id: claims.sub, log_id: id, event, payload })),
    )
  })
}
