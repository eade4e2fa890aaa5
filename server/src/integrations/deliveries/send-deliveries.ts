import { readIntegration } from '../change-credentials.ts'
import { markFailing, markWorking } from '../integration-queries.ts'
import type { IntegrationServices } from '../integration-services.ts'
import { sendWebhook, type WebhookAnswer } from '../types/webhook/send-webhook.ts'
import {
  type DeliveryOutcome,
  type DueDelivery,
  giveUpDeliveries,
  noteAttempt,
  takeDueDeliveries,
} from './delivery-queries.ts'

/** At once, then after these times, as Standard Webhooks 1.0.0 proposes: 10 attempts in about 75 hours. */
const scheduleSeconds = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
const maxRetryAfterSeconds = 86_400
/** Longer than an attempt may take. */
const leaseSeconds = 60
const batchSize = 20
const pollMs = 3000

export interface DeliverySender {
  /** Looks at once, instead of with the next beat. */
  wake(): void
  stop(): Promise<void>
}

/** Sends what is due, on every server; each message is taken by one of them at a time. */
export function startDeliveries(services: IntegrationServices, everyMs = pollMs): DeliverySender {
  const stopping = new AbortController()
  let sending: Promise<void> | null = null
  const send = () => {
    sending ??= sendDueDeliveries(services, stopping.signal)
      .catch((err: unknown) => services.log.warn({ err }, 'messages to webhooks were not sent; it is tried again'))
      .finally(() => {
        sending = null
      })
  }
  const timer = setInterval(send, everyMs)
  return {
    wake: send,
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await sending
    },
  }
}

/** Until nothing is due any more. */
export async function sendDueDeliveries(services: IntegrationServices, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (signal.aborted) return
    const due = await services.database.asSystem('messages to webhooks are sent, whoever they belong to', (tx) =>
      takeDueDeliveries(tx, { limit: batchSize, leaseSeconds }),
    )
    if (due.length === 0) return
    await Promise.all(due.map((delivery) => deliver(services, delivery, signal)))
  }
}

async function deliver(services: IntegrationServices, delivery: DueDelivery, signal: AbortSignal): Promise<void> {
  const key = { integrationId: delivery.integration_id, ownerId: delivery.user_id }
  const { row, settings, credentials, isReadable } = await readIntegration(services, key)
  if (row.status !== 'connected' || !isReadable) {
    const failure = row.failure ?? 'The webhook has to be connected again.'
    return await note(services, delivery, { status: 'failed', response_status: null, failure, nextInSeconds: null })
  }
  const target = { url: String(settings.url), secret: String(credentials.secret) }
  const message = { ...target, id: delivery.id, payload: delivery.payload }
  const answer = await sendWebhook(services.urlGuard, message, signal).catch((error: unknown) => {
    // This server stops: the lease ends by itself, and another one goes on.
    if (signal.aborted) return null
    throw error
  })
  if (answer) await note(services, delivery, judge(answer, delivery.attempts))
}

/** What follows from the answer to attempt number `attempts`. */
export function judge(answer: WebhookAnswer, attempts: number): DeliveryOutcome {
  if (answer.kind === 'answered' && answer.status >= 200 && answer.status <= 299)
    return { status: 'delivered', response_status: answer.status, failure: null, nextInSeconds: null }
  const response_status = answer.kind === 'answered' ? answer.status : null
  const failure = answer.kind === 'answered' ? `The server answered ${answer.status}.` : answer.message.slice(0, 500)
  const wait = scheduleSeconds[attempts - 1]
  if (response_status === 410 || wait === undefined)
    return { status: 'failed', response_status, failure, nextInSeconds: null }
  const asked = answer.kind === 'answered' ? (answer.retryAfterSeconds ?? 0) : 0
  // Up to a fifth longer, so that what failed together does not come back together.
  const spread = wait * (1 + Math.random() / 5)
  return {
    status: 'pending',
    response_status,
    failure,
    nextInSeconds: Math.max(spread, Math.min(asked, maxRetryAfterSeconds)),
  }
}

const gone = 'Its server answered 410: it wants no more messages. Test it to begin again.'

async function note(services: IntegrationServices, delivery: DueDelivery, outcome: DeliveryOutcome): Promise<void> {
  await services.database.asSystem('messages to webhooks are sent, whoever they belong to', async (tx) => {
    await noteAttempt(tx, delivery, outcome)
    const { integration_id: id } = delivery
    if (outcome.status === 'delivered') await markWorking(tx, id)
    else if (outcome.response_status === 410) {
      await markFailing(tx, id, { failure: gone, needsReconnect: true })
      await giveUpDeliveries(tx, id, gone)
    } else if (outcome.failure !== null) await markFailing(tx, id, { failure: outcome.failure, needsReconnect: false })
  })
}
