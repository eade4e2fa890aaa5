import type Stripe from 'stripe'
import { AppError } from '../errors.ts'
import { downgradeKeys, readDowngrade } from './derive-subscription.ts'
import { type RefreshOptions, refreshCustomer } from './refresh-customer.ts'
import { getPriceId } from './start-checkout.ts'
import type { StripeContext } from './stripe-context.ts'
import { listPrices, takeFetch } from './stripe-queries.ts'
import type { PlanChoice } from './stripe-service.ts'

/** The subscription at Stripe that a change is about, read a moment ago. */
interface Present {
  userId: string
  subscription: Stripe.Subscription
  item: Stripe.SubscriptionItem
  /** For idempotency keys: the same for no two changes. */
  change: string
}

const withoutDowngrade = Object.fromEntries(Object.values(downgradeKeys).map((key) => [key, '']))

/** Charged at once, a trial of another plan ends with it; a card that is declined changes nothing. */
export async function upgrade(context: StripeContext, userId: string, choice: PlanChoice): Promise<void> {
  const { account } = context
  const price = await getPriceId(context, choice)
  const present = await getPresent(context, userId)
  const { subscription, item, change } = present
  const waiting = readDowngrade(subscription)
  const trial = await readTrialEnd(context, present, choice)
  // Stripe credits what is left of the price that the subscription has, which is the lower one by now.
  if (waiting) await restorePrice(context, present, waiting.fromPriceId)
  try {
    await account.ask((client) =>
      client.subscriptions.update(
        subscription.id,
        {
          items: [{ id: item.id, price }],
          ...trial,
          proration_behavior: 'always_invoice',
          payment_behavior: 'error_if_incomplete',
          cancel_at_period_end: false,
          metadata: withoutDowngrade,
        },
        { idempotencyKey: `upgrade-${change}` },
      ),
    )
  } catch (error) {
    if (waiting) await putBack(context, present)
    throw error
  } finally {
    await refreshCustomer(context, userId)
  }
}

/** With the next payment; until then the metadata says which plan has been paid for. */
export async function downgrade(context: StripeContext, userId: string, choice: PlanChoice): Promise<void> {
  const price = await getPriceId(context, choice)
  const { subscription, item, change } = await getPresent(context, userId)
  if (item.price.recurring?.interval !== choice.billingInterval)
    // Stripe begins a new period at once when its length changes.
    throw new AppError('subscription_change_not_allowed', {
      detail: 'What you have paid for has another length: cancel it, and choose this plan when it has ended.',
    })
  const waiting = readDowngrade(subscription)
  const from = {
    plan: waiting?.fromPlanId ?? (await findPlanOfPrice(context, item.price)),
    price: waiting?.fromPriceId ?? item.price.id,
  }
  const changed = await context.account.ask((client) =>
    client.subscriptions.update(
      subscription.id,
      {
        items: [{ id: item.id, price }],
        proration_behavior: 'none',
        cancel_at_period_end: false,
        metadata: {
          [downgradeKeys.fromPlan]: from.plan,
          [downgradeKeys.fromPrice]: from.price,
          [downgradeKeys.at]: String(item.current_period_end),
        },
      },
      { idempotencyKey: `downgrade-${change}` },
    ),
  )
  const [present] = changed.items.data
  // A period has begun in this moment, and was paid with the higher price: it is that one's end.
  if (present && !waiting && !isSamePeriod(changed, item))
    await context.account.ask((client) =>
      client.subscriptions.update(
        subscription.id,
        { metadata: { [downgradeKeys.at]: String(present.current_period_end) } },
        { idempotencyKey: `downgrade-later-${change}` },
      ),
    )
  await refreshCustomer(context, userId)
}

export async function takeBackDowngrade(context: StripeContext, userId: string): Promise<void> {
  const present = await getPresent(context, userId)
  const waiting = readDowngrade(present.subscription)
  if (waiting) await restorePrice(context, present, waiting.fromPriceId)
  await refreshCustomer(context, userId)
}

/** To the end of what has been paid, or back from there. */
export async function setCancelAtPeriodEnd(
  context: StripeContext,
  userId: string,
  cancel: boolean,
  as: RefreshOptions = {},
): Promise<void> {
  const { subscription, change } = await getPresent(context, userId, { isPastDueFine: true })
  await context.account.ask((client) =>
    client.subscriptions.update(
      subscription.id,
      { cancel_at_period_end: cancel },
      { idempotencyKey: `${cancel ? 'cancel' : 'resume'}-${change}` },
    ),
  )
  await refreshCustomer(context, userId, as)
}

/** What the change would charge at once. */
export async function previewUpgrade(context: StripeContext, userId: string, choice: PlanChoice) {
  const price = await getPriceId(context, choice)
  const present = await getPresent(context, userId)
  const { subscription, item } = present
  const trial = await readTrialEnd(context, present, choice)
  const preview = async (to: string) => {
    const { amount_due, currency } = await context.account.ask((client) =>
      client.invoices.createPreview({
        subscription: subscription.id,
        subscription_details: { items: [{ id: item.id, price: to }], ...trial, proration_behavior: 'always_invoice' },
      }),
    )
    return { amountDueCents: amount_due, currency: currency.toUpperCase() }
  }
  const due = await preview(price)
  const paidPriceId = readDowngrade(subscription)?.fromPriceId
  // In a trial nothing was paid.
  if (!paidPriceId || subscription.status === 'trialing') return due
  // The preview credits the lower price that comes next, not the one that was paid.
  const { amountDueCents } = await preview(paidPriceId)
  return { ...due, amountDueCents: Math.max(0, due.amountDueCents - amountDueCents) }
}

/** The one that counts: the newest that lives. Throws `subscription_change_not_allowed` without one, or while money is owed. */
async function getPresent(
  { account, database }: StripeContext,
  userId: string,
  { isPastDueFine = false } = {},
): Promise<Present> {
  const taken = await database.asSystem('somebody changes what they pay for', (tx) => takeFetch(tx, userId))
  if (!taken) throw new AppError('subscription_change_not_allowed')
  const { data } = await account.ask((client) =>
    client.subscriptions.list({ customer: taken.customerId, status: 'all', limit: 100 }),
  )
  const living = data.filter(({ status }) => ['trialing', 'active', 'past_due', 'unpaid', 'paused'].includes(status))
  const [subscription] = living.toSorted((one, other) => other.start_date - one.start_date)
  const item = subscription?.items.data[0]
  if (!subscription || !item) throw new AppError('subscription_change_not_allowed')
  if (!isPastDueFine && subscription.status !== 'active' && subscription.status !== 'trialing')
    throw new AppError('subscription_change_not_allowed', {
      detail: 'The last payment failed: pay it in the billing portal first.',
    })
  return { userId, subscription, item, change: `${subscription.id}-${taken.fetch}` }
}

/** A trial is of one plan: whoever wants a larger one before it is over pays for that, or the largest would cost nothing. */
async function readTrialEnd(context: StripeContext, { subscription, item }: Present, { planId }: PlanChoice) {
  if (subscription.status !== 'trialing') return {}
  const present = readDowngrade(subscription)?.fromPlanId ?? (await findPlanOfPrice(context, item.price))
  return present === planId ? {} : { trial_end: 'now' as const }
}

/** The higher price again, as if no downgrade waited. Throws `conflict` when that has taken effect in this moment. */
async function restorePrice(context: StripeContext, present: Present, price: string | null) {
  const { subscription, item, change } = present
  const restored = await context.account.ask((client) =>
    client.subscriptions.update(
      subscription.id,
      {
        ...(price !== null && { items: [{ id: item.id, price }] }),
        proration_behavior: 'none',
        metadata: withoutDowngrade,
      },
      { idempotencyKey: `restore-${change}` },
    ),
  )
  if (isSamePeriod(restored, item)) return
  // The lower price was paid for the period that has begun meanwhile.
  await putBack(context, present)
  await refreshCustomer(context, present.userId)
  throw new AppError('conflict')
}

function isSamePeriod({ items }: Stripe.Subscription, item: Stripe.SubscriptionItem): boolean {
  return items.data[0]?.current_period_end === item.current_period_end
}

/** The downgrade that waited, after an upgrade in its place was declined. */
async function putBack({ account, log }: StripeContext, { subscription, item, change }: Present): Promise<void> {
  const metadata = Object.fromEntries(
    Object.values(downgradeKeys).map((key) => [key, subscription.metadata[key] ?? '']),
  )
  await account
    .ask((client) =>
      client.subscriptions.update(
        subscription.id,
        { items: [{ id: item.id, price: item.price.id }], proration_behavior: 'none', metadata },
        { idempotencyKey: `put-back-${change}` },
      ),
    )
    .catch((err: unknown) => log.error({ err, subscription: subscription.id }, 'a scheduled downgrade was lost'))
}

async function findPlanOfPrice({ database }: StripeContext, { id, product }: Stripe.Price): Promise<string> {
  const prices = await database.asSystem('somebody changes what they pay for', listPrices)
  const productId = typeof product === 'string' ? product : product.id
  const known = prices.find(({ price_id }) => price_id === id) ?? prices.find((each) => each.product_id === productId)
  if (!known) throw new AppError('subscription_change_not_allowed')
  return known.plan_id
}
