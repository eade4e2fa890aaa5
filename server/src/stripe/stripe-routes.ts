import type { Services } from '../app.ts'
import { getSessionUser } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { stripeRoutes, webhookSchema } from './stripe-schemas.ts'

const webhookBytes = 1024 * 1024

export function addStripeRoutes(app: App, { stripe }: Pick<Services, 'stripe'>): void {
  app.post(
    '/api/v1/me/subscription/portal',
    { schema: stripeRoutes['POST /api/v1/me/subscription/portal'] },
    async (request) => {
      const { claims } = getSessionUser(request)
      if (!stripe) throw new AppError('stripe_not_configured')
      return await stripe.openPortal(claims.sub)
    },
  )

  app.get('/api/v1/me/invoices', { schema: stripeRoutes['GET /api/v1/me/invoices'] }, async (request) => {
    const { claims } = getSessionUser(request)
    return { data: stripe ? await stripe.listInvoices(claims.sub) : [] }
  })

  app.register(async (scope: App) => {
    // Signed are the bytes as they came.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    scope.post<{ Body: unknown }>(
      '/api/v1/stripe/webhook',
      { schema: webhookSchema, config: { access: 'public' }, bodyLimit: webhookBytes },
      async (request) => {
        if (!stripe) throw new AppError('stripe_not_configured')
        const { body, headers } = request
        const signature = headers['stripe-signature']
        if (!Buffer.isBuffer(body) || Array.isArray(signature)) throw new AppError('webhook_signature_invalid')
        await stripe.receiveWebhook(body, signature)
        return { received: true }
      },
    )
  })
}
