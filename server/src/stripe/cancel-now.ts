import { isDeleted } from './ensure-customer.ts'
import { isMissing } from './open-stripe.ts'
import { type RefreshOptions, refreshCustomer } from './refresh-customer.ts'
import { expireCheckouts } from './start-checkout.ts'
import type { StripeContext } from './stripe-context.ts'
import { findCustomerId } from './stripe-queries.ts'

/** Ends everything a user pays for, at once. Any number of times; throws `stripe_error` when Stripe is away. */
export async function cancelNow(context: StripeContext, userId: string, options: RefreshOptions = {}): Promise<void> {
  const { account, database } = context
  const customer = await database.asSystem('what somebody pays for ends', (tx) => findCustomerId(tx, userId))
  if (!customer) return
  if (!(await isDeleted(context, customer))) {
    // First, so that nothing is paid behind our back.
    await expireCheckouts(context, customer)
    const subscriptions = await account.ask((client) =>
      client.subscriptions.list({ customer, limit: 100 }).autoPagingToArray({ limit: 1000 }),
    )
    for (const { id } of subscriptions)
      await account
        .ask((client) => client.subscriptions.cancel(id, {}, { idempotencyKey: `cancel-now-${id}` }))
        .catch((error: unknown) => {
          if (!isMissing(error)) throw error
        })
  }
  await refreshCustomer(context, userId, options)
}
