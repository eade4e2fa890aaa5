import type Stripe from 'stripe'
import { AppError } from '../errors.ts'
import { type NewEvent, noteEvent } from './event-queries.ts'
import type { StripeContext } from './stripe-context.ts'
import { leaseSeconds, workOnEvent } from './work-through-events.ts'

const toleranceSeconds = 300
/** Stripe waits ten seconds and longer; what takes more than this goes on without it. */
const waitMs = 3000

/**
 * An event of Stripe: noted once, then handled here while Stripe waits a little, else by the worker. What the event says is
 * not believed, only whom it is about. Throws `webhook_signature_invalid`; any other error makes Stripe send it again.
 */
export async function receiveWebhook(
  context: StripeContext,
  body: Buffer,
  signature: string | undefined,
): Promise<{ isNew: boolean; handling: Promise<void> }> {
  const event = toNewEvent(readEvent(context, body, signature))
  const isRelevant = event.customer_id !== null && relevantTypes.test(event.type)
  const isNew = await context.database.asSystem('events of Stripe are noted before they are handled', (tx) =>
    noteEvent(tx, event, isRelevant ? leaseSeconds : null),
  )
  if (!isNew || !isRelevant) return { isNew, handling: Promise.resolve() }
  const handling = workOnEvent(context, { ...event, attempts: 1 })
  await Promise.race([handling, after(waitMs)])
  return { isNew, handling }
}

// Everything that may change what somebody has; the rest is noted and done.
const relevantTypes = /^(checkout\.session\.|customer\.subscription\.|customer\.deleted$|invoice\.)/

function readEvent({ account }: StripeContext, body: Buffer, signature: string | undefined): Stripe.Event {
  for (const secret of account.webhookSecrets)
    try {
      return account.client.webhooks.constructEvent(body, signature ?? '', secret, toleranceSeconds)
    } catch {
      // Another secret may fit; what did not fit is nobody's to know.
    }
  throw new AppError('webhook_signature_invalid')
}

function toNewEvent({ id, type, created, data }: Stripe.Event): NewEvent {
  const object = data.object as { id?: string; object?: string; customer?: string | { id: string } | null }
  const customer = object.object === 'customer' ? object.id : object.customer
  return {
    id,
    type: type.slice(0, 100),
    object_id: (object.id ?? '').slice(0, 255),
    customer_id: (typeof customer === 'object' ? customer?.id : customer) ?? null,
    created_at: new Date(created * 1000),
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
