import type { JobRecords } from '../admin/system/job-records.ts'
import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import { cancelNow } from './cancel-now.ts'
import {
  downgrade,
  previewUpgrade,
  setCancelAtPeriodEnd,
  takeBackDowngrade,
  upgrade,
} from './change-stripe-subscription.ts'
import { listInvoices, openPortal } from './open-portal.ts'
import { openStripe } from './open-stripe.ts'
import { receiveWebhook } from './receive-webhook.ts'
import { refreshCustomer } from './refresh-customer.ts'
import { startCheckout } from './start-checkout.ts'
import type { StripeContext } from './stripe-context.ts'
import type { StripeService } from './stripe-service.ts'
import { syncPlan } from './sync-plans.ts'
import { startStripeWorker } from './work-through-events.ts'

interface Base {
  config: Pick<Config, 'stripe' | 'publicUrl' | 'graceDays'>
  database: Database
  log: Log
  jobs?: Pick<JobRecords, 'run'> | undefined
}

/** Null where Stripe is not set up: there, admins assign plans by hand. */
export function createStripeService(base: Base): StripeService | null {
  const context = createStripeContext(base)
  if (!context) return null
  // Handled behind the answer to Stripe; the stop waits for them.
  const handling = new Set<Promise<void>>()
  return {
    startCheckout: (userId, choice) => startCheckout(context, userId, choice),
    openPortal: (userId) => openPortal(context, userId),
    previewUpgrade: (userId, choice) => previewUpgrade(context, userId, choice),
    upgrade: (userId, choice) => upgrade(context, userId, choice),
    downgrade: (userId, choice) => downgrade(context, userId, choice),
    takeBackDowngrade: (userId) => takeBackDowngrade(context, userId),
    cancelAtPeriodEnd: (userId, as) => setCancelAtPeriodEnd(context, userId, true, as),
    resume: (userId) => setCancelAtPeriodEnd(context, userId, false),
    cancelNow: (userId) => cancelNow(context, userId),
    listInvoices: (userId) => listInvoices(context, userId),
    syncPlan: (planId) => syncPlan(context, planId),
    async refresh(userId) {
      await refreshCustomer(context, userId)
    },
    async receiveWebhook(body, signature) {
      const { handling: work } = await receiveWebhook(context, body, signature)
      handling.add(work)
      void work.finally(() => handling.delete(work))
    },
    startWorker() {
      const worker = startStripeWorker(context)
      return {
        async stop() {
          await worker.stop()
          await Promise.all(handling)
        },
      }
    },
  }
}

export function createStripeContext({ config, database, log, jobs }: Base): StripeContext | null {
  const { stripe, publicUrl, graceDays } = config
  if (!stripe || publicUrl === undefined) return null
  return { account: openStripe(stripe), database, log, publicUrl, graceDays, jobs }
}
