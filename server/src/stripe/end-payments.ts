import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { isLiving } from '../subscriptions/transitions.ts'
import { listSubscriptionsOfUser } from './stripe-queries.ts'
import type { StripeService } from './stripe-service.ts'

/**
 * Before an account goes: nobody may go on paying for one that is no more. Throws where that cannot be made sure, so that
 * the account stays.
 */
export async function endPayments(database: Database, stripe: StripeService | null, userId: string): Promise<void> {
  if (stripe) return await stripe.cancelNow(userId)
  const subscriptions = await database.asSystem('nobody pays for an account that is no more', (tx) =>
    listSubscriptionsOfUser(tx, userId),
  )
  if (subscriptions.some((row) => row.stripe_subscription_id !== null && isLiving(row.status)))
    throw new AppError('stripe_not_configured', {
      detail: 'This account is paid for at Stripe, which is not set up here any more: cancel that subscription first.',
    })
}
