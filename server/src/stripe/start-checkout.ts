import type Stripe from 'stripe'
import { AppError } from '../errors.ts'
import { isLiving } from '../subscriptions/transitions.ts'
import { ensureCustomer } from './ensure-customer.ts'
import { refreshCustomer } from './refresh-customer.ts'
import type { StripeContext } from './stripe-context.ts'
import { findCurrentPrice, listSubscriptionsOfUser } from './stripe-queries.ts'
import type { PlanChoice } from './stripe-service.ts'
import { syncPlan } from './sync-plans.ts'

/** A page of Stripe on which a plan is paid for. Whoever has paid for one already changes that one instead. */
export async function startCheckout(
  context: StripeContext,
  userId: string,
  choice: PlanChoice & { trialDays: number },
): Promise<{ url: string }> {
  const { account, publicUrl } = context
  const price = await getPriceId(context, choice)
  const customer = await ensureCustomer(context, userId)
  const metadata = { user_id: userId, plan_id: choice.planId }
  const session = await account.ask((client) =>
    client.checkout.sessions.create({
      mode: 'subscription',
      customer,
      client_reference_id: userId,
      line_items: [{ price, quantity: 1 }],
      metadata: { ...metadata, price },
      subscription_data: { metadata, ...(choice.trialDays > 0 && { trial_period_days: choice.trialDays }) },
      allow_promotion_codes: false,
      success_url: `${publicUrl}/subscription?checkout=done`,
      cancel_url: `${publicUrl}/plans?checkout=cancelled`,
    }),
  )
  const newest = await keepNewest(context, customer, session)
  try {
    // When all others are closed: what was paid on one of them a second ago may not have been told yet.
    await refuseSecond(context, userId)
  } catch (error) {
    await account.ask((client) => expire(client, newest.id))
    throw error
  }
  if (newest.metadata?.price !== price) throw new AppError('conflict', { detail: 'You have chosen another plan.' })
  if (!newest.url) throw new AppError('stripe_error', { cause: new Error('A checkout page without an address') })
  return { url: newest.url }
}

/** Of the pages that can be paid on, however many were opened at once, one stays open. */
async function keepNewest({ account }: StripeContext, customer: string, session: Stripe.Checkout.Session) {
  // Stripe lists the newest first.
  const [newest = session, ...older] = await listOpen(account, customer)
  for (const { id } of newest.id === session.id ? older : [session]) await account.ask((client) => expire(client, id))
  return newest
}

const listOpen = (account: StripeContext['account'], customer: string) =>
  account.ask((client) =>
    client.checkout.sessions.list({ customer, status: 'open', limit: 100 }).autoPagingToArray({ limit: 1000 }),
  )

/** What new customers pay. A plan that has no price yet is brought to Stripe first. Throws `plan_not_available`. */
export async function getPriceId(context: StripeContext, { planId, billingInterval }: PlanChoice): Promise<string> {
  const find = () =>
    context.database.asSystem('somebody is about to pay', (tx) => findCurrentPrice(tx, planId, billingInterval))
  let price = await find()
  if (!price) {
    await syncPlan(context, planId)
    price = await find()
  }
  if (!price) throw new AppError('plan_not_available')
  return price.price_id
}

async function refuseSecond(context: StripeContext, userId: string): Promise<void> {
  const result = await refreshCustomer(context, userId)
  // The account has gone meanwhile, and nobody would know whose payment that is.
  if (result === 'no_customer') throw new AppError('not_found')
  const known = await context.database.asSystem('somebody is about to pay', (tx) => listSubscriptionsOfUser(tx, userId))
  if (known.some((row) => row.stripe_subscription_id !== null && isLiving(row.status)))
    throw new AppError('subscription_change_not_allowed', {
      detail: 'You have a subscription already: change that one instead.',
    })
}

/** A page that was left open must not be paid a second time. */
export async function expireCheckouts({ account }: Pick<StripeContext, 'account'>, customer: string): Promise<void> {
  for (const { id } of await listOpen(account, customer)) await account.ask((client) => expire(client, id))
}

async function expire(client: Stripe, id: string): Promise<void> {
  try {
    await client.checkout.sessions.expire(id)
  } catch (error) {
    // It was paid or has expired meanwhile; what was paid is asked for next.
    const { status } = await client.checkout.sessions.retrieve(id)
    if (status === 'open') throw error
  }
}
