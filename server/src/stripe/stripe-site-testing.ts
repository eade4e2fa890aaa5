import { join } from 'node:path'
import type { Services } from '../app.ts'
import { signUpForTest, type TestSession } from '../auth/test-sessions.ts'
import { loadCatalogue } from '../catalogue/load-catalogue.ts'
import { readCatalogue } from '../catalogue/read-catalogue.ts'
import { findCurrentSubscription } from '../subscriptions/subscription-queries.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { createStripeContext } from './create-stripe-service.ts'
import type { StripeContext } from './stripe-context.ts'
import type { TestCardName } from './stripe-model-testing.ts'
import { testCards } from './stripe-model-testing.ts'
import { type StripeServer, startStripeServer } from './stripe-server-testing.ts'
import type { BillingInterval, StripeService } from './stripe-service.ts'

export interface StripeSite extends TestApp {
  stripe: StripeServer
  payments: StripeService
  context: StripeContext
  /** Ids of the catalogue's plans, by slug. */
  plans: Record<string, string>
  signUp(): Promise<TestSession>
  /** Somebody who pays, as Stripe's page and its webhooks make it. */
  subscribe(
    plan: string,
    more?: { interval?: BillingInterval; trialDays?: number; card?: TestCardName },
  ): Promise<TestUser>
  current(userId: string): ReturnType<typeof findCurrentSubscription>
}

/** The whole server with a Stripe of its own, which tells it what happens. */
export async function createStripeSite(overrides: Partial<Services> = {}): Promise<StripeSite> {
  const stripe = await startStripeServer()
  const site = await createTestApp(stripe.environment('http://localhost:3000'), overrides)
  const { app, database, services } = site
  const context = createStripeContext(services)
  if (!services.stripe || !context) throw new Error('Stripe is not set up.')
  const payments = services.stripe
  const { plans } = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  await loadCatalogue(database, { agents: [], plans })
  const rows = await database.asSystem('a test looks', (tx) => tx.selectFrom('plans').select(['id', 'slug']).execute())
  const ids = Object.fromEntries(rows.map(({ id, slug }) => [slug ?? '', id]))
  stripe.webhooks.url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/api/v1/stripe/webhook`
  return {
    ...site,
    stripe,
    payments,
    context,
    plans: ids,
    signUp: () => signUpForTest(site),
    async subscribe(plan, { interval = 'month', trialDays = 0, card = 'good' } = {}) {
      const user = await site.createUser()
      const choice = { planId: ids[plan] ?? '', billingInterval: interval, trialDays }
      const { url } = await payments.startCheckout(user.id, choice)
      await stripe.pay(url, testCards[card])
      return user
    },
    current: (userId) => database.asSystem('a test looks', (tx) => findCurrentSubscription(tx, userId)),
    async close() {
      await stripe.close()
      await site.close()
    },
  }
}
