import Stripe from 'stripe'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { hideSecrets, listSecrets } from '../integrations/hide-credentials.ts'
import type { StripeAccount } from './stripe-service.ts'

const timeoutMs = 15_000

/** The client of Stripe. Nothing is asked yet. */
export function openStripe({ secretKey, webhookSecrets, apiUrl }: NonNullable<Config['stripe']>): StripeAccount {
  const url = apiUrl === undefined ? null : new URL(apiUrl)
  const client = new Stripe(secretKey, {
    maxNetworkRetries: 2,
    timeout: timeoutMs,
    telemetry: false,
    ...(url && {
      protocol: url.protocol === 'http:' ? ('http' as const) : ('https' as const),
      host: url.hostname,
      port: url.port || (url.protocol === 'http:' ? 80 : 443),
    }),
  })
  const secrets = listSecrets({
    key: secretKey,
    ...Object.fromEntries(webhookSecrets.map((each, n) => [`key${n}`, each])),
  })
  return {
    client,
    webhookSecrets,
    async ask(call) {
      try {
        return await call(client)
      } catch (error) {
        throw toStripeError(error, secrets)
      }
    },
  }
}

/** What Stripe's own errors carry (headers, the request, the answer) stays here: it would end in the log. */
function toStripeError(error: unknown, secrets: readonly string[]): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error
  const { type, code, statusCode, requestId, param } = error
  const cause = Object.assign(new Error(hideSecrets(error.message, secrets)), {
    name: type,
    code,
    status: statusCode,
    stripeRequestId: requestId,
    param: param === undefined ? undefined : hideSecrets(param, secrets),
  })
  if (error instanceof Stripe.errors.StripeCardError)
    return new AppError('subscription_change_not_allowed', {
      detail: 'Your card was declined: nothing has changed. Take another card in the billing portal, then try again.',
      cause,
    })
  return new AppError('stripe_error', { cause })
}

/** Whether Stripe says that this object does not exist (any more). */
export function isMissing(error: unknown): boolean {
  return error instanceof AppError && (error.cause as { code?: unknown } | undefined)?.code === 'resource_missing'
}
