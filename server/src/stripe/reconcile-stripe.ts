import type { Tx } from '../database/database.ts'
import { livingStatuses } from '../subscriptions/transitions.ts'
import { refreshCustomer } from './refresh-customer.ts'
import type { StripeContext } from './stripe-context.ts'
import { listCustomers } from './stripe-queries.ts'
import { syncPlans } from './sync-plans.ts'

const customersAtOnce = 200

export interface ReconcileReport {
  customers: number
  /** Users whose subscription was not what Stripe had. */
  repaired: string[]
  failed: number
  failed_plans: number
  /** Subscriptions that say they are paid at Stripe, of users whom Stripe does not know. */
  without_customer: number
}

/**
 * Compares everybody's subscription with what Stripe has, and repairs what events that never came have left. One failure
 * does not keep the others; it throws at the end, so that all of it comes again.
 */
export async function reconcileStripe(
  context: StripeContext,
  signal?: AbortSignal,
  now = new Date(),
): Promise<ReconcileReport> {
  const { database, log } = context
  const report: ReconcileReport = { customers: 0, repaired: [], failed: 0, failed_plans: 0, without_customer: 0 }
  report.failed_plans = await syncPlans(context)
  let afterUserId: string | null = null
  for (;;) {
    const customers = await database.asSystem('all subscriptions are compared with Stripe', (tx) =>
      listCustomers(tx, { afterUserId, limit: customersAtOnce }),
    )
    for (const { user_id } of customers) {
      if (signal?.aborted) return report
      report.customers++
      try {
        if ((await refreshCustomer(context, user_id, { now })) === 'written') report.repaired.push(user_id)
      } catch (err) {
        report.failed++
        log.warn({ err, user_id }, 'a subscription could not be compared with Stripe')
      }
    }
    afterUserId = customers.at(-1)?.user_id ?? null
    if (customers.length < customersAtOnce) break
  }
  report.without_customer = await database.asSystem('all subscriptions are compared with Stripe', countWithoutCustomer)
  const { repaired, ...rest } = report
  const words = { ...rest, repaired: repaired.length, users: repaired.slice(0, 100) }
  if (report.without_customer > 0 || report.failed > 0)
    log.error(words, 'subscriptions were compared with Stripe, not all')
  else if (repaired.length > 0) log.warn(words, 'subscriptions were not what Stripe had, and were put right')
  else log.info(words, 'subscriptions are what Stripe has')
  if (report.failed > 0 || report.failed_plans > 0)
    throw new Error(
      `${report.failed} of ${report.customers} customers and ${report.failed_plans} plans could not be compared.`,
    )
  return report
}

export async function countWithoutCustomer(tx: Tx): Promise<number> {
  const { count } = await tx
    .selectFrom('subscriptions')
    .leftJoin('stripe_customers', 'stripe_customers.user_id', 'subscriptions.user_id')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('source', '=', 'stripe')
    .where('status', 'in', livingStatuses)
    .where('stripe_customers.user_id', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}
