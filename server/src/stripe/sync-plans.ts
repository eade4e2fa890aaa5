import type Stripe from 'stripe'
import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { KnownPrice } from './derive-subscription.ts'
import { keyOf } from './ensure-customer.ts'
import { toCents } from './money.ts'
import { isMissing } from './open-stripe.ts'
import type { StripeContext } from './stripe-context.ts'
import { saveCurrentPrices } from './stripe-queries.ts'
import type { BillingInterval, StripeAccount } from './stripe-service.ts'

type PlanRow = NonNullable<Awaited<ReturnType<typeof findPlanRow>>>
type WantedPrice = Pick<KnownPrice, 'amount_cents' | 'currency'> & { billing_interval: BillingInterval }

/** Every plan, one after the other; what fails is logged, and the others go on. Answers how many failed. */
export async function syncPlans(context: StripeContext): Promise<number> {
  const plans = await context.database.asSystem('plans are brought to Stripe', (tx) =>
    tx.selectFrom('plans').select('id').orderBy('id').execute(),
  )
  let failures = 0
  for (const { id } of plans)
    await syncPlan(context, id).catch((err: unknown) => {
      failures++
      context.log.error({ err, plan_id: id }, 'a plan could not be brought to Stripe')
    })
  return failures
}

/**
 * Product and prices of a plan as they are here. A price at Stripe never changes: another amount is another price, and who
 * pays the old one goes on doing so. Any number of times, on any number of servers, with the same result.
 */
export async function syncPlan({ account, database }: StripeContext, planId: string): Promise<void> {
  const plan = await database.asSystem('plans are brought to Stripe', (tx) => findPlanRow(tx, planId))
  if (!plan) return
  const wanted = readWantedPrices(plan)
  const isSold = wanted.length > 0 && plan.archived_at === null
  const isKnown = await bringProduct(account, plan, isSold)
  const prices: Omit<KnownPrice, 'plan_id'>[] = []
  if (isKnown)
    for (const price of isSold ? wanted : []) {
      const id = await bringPrice(account, plan.id, price)
      prices.push({ ...price, price_id: id, product_id: productIdOf(plan.id) })
    }
  await database.asSystem('plans are brought to Stripe', (tx) => saveCurrentPrices(tx, plan.id, prices))
}

const productIdOf = (planId: string) => `agentexpress_plan_${planId}`

async function findPlanRow(tx: Tx, planId: string) {
  const row = await tx
    .selectFrom('plans')
    .select(['id', 'name', 'description', 'price', 'yearly_price', 'currency', 'is_by_arrangement', 'archived_at'])
    .where('id', '=', planId)
    .executeTakeFirst()
  return row ?? null
}

function readWantedPrices(plan: PlanRow): WantedPrice[] {
  if (plan.is_by_arrangement) return []
  const of = { month: plan.price, year: plan.yearly_price } as const
  return (['month', 'year'] as const).flatMap((billing_interval) => {
    const price = of[billing_interval]
    if (price === null) return []
    const amount_cents = toCents(price, plan.currency)
    if (amount_cents === null)
      throw new AppError('plan_not_available', { detail: `Stripe cannot charge ${price} ${plan.currency}.` })
    return amount_cents === 0 ? [] : [{ billing_interval, amount_cents, currency: plan.currency.toUpperCase() }]
  })
}

/** False: Stripe does not know it, and it is not sold there. */
async function bringProduct({ ask }: StripeAccount, plan: PlanRow, isSold: boolean): Promise<boolean> {
  const id = productIdOf(plan.id)
  const product = await ask((client) => client.products.retrieve(id)).catch((error: unknown) => {
    if (isMissing(error)) return null
    throw error
  })
  if (!product && !isSold) return false
  const wanted = { name: plan.name, active: isSold }
  if (!product)
    await ask((client) =>
      client.products.create(
        { id, ...wanted, metadata: { plan_id: plan.id } },
        { idempotencyKey: keyOf('product', id, plan.name) },
      ),
    )
  else if (product.name !== wanted.name || product.active !== wanted.active)
    await ask((client) => client.products.update(id, wanted))
  return true
}

async function bringPrice({ ask }: StripeAccount, planId: string, price: WantedPrice): Promise<string> {
  const { billing_interval: interval, amount_cents: amount, currency } = price
  const product = productIdOf(planId)
  const isSame = (each: Stripe.Price) =>
    each.recurring?.interval === interval &&
    each.recurring.interval_count === 1 &&
    each.unit_amount === amount &&
    each.currency === currency.toLowerCase() &&
    each.metadata.plan_id === planId
  const known = await ask((client) =>
    client.prices.list({ product, active: true, limit: 100 }).autoPagingToArray({ limit: 1000 }),
  )
  const found = known.find(isSame)
  if (found) return found.id
  const created = await ask((client) =>
    client.prices.create(
      {
        product,
        currency: currency.toLowerCase(),
        unit_amount: amount,
        recurring: { interval },
        metadata: { plan_id: planId },
      },
      // Two servers at the same time make one price.
      { idempotencyKey: keyOf('price', planId, interval, String(amount), currency) },
    ),
  )
  return created.id
}
