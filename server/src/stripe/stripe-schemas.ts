import { z } from 'zod'
import { problemSchema, timestampSchema } from '../http/schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['Subscription']

const invoiceSchema = z
  .object({
    id: z.string().meta({ description: 'Its id at Stripe', example: 'in_1TQyKx2eZvKYlo2C' }),
    number: z.string().nullable().meta({ description: 'Its number', example: 'A1B2C3D4-0001' }),
    created_at: timestampSchema.meta({ description: 'Its date', example: '2026-11-22T09:30:00.000Z' }),
    total_cents: z.int().meta({ description: 'Its total in the smallest unit of the currency', example: 4900 }),
    total: z.string().meta({ description: 'The same as people read it', example: '49.00' }),
    currency: z.string().meta({ description: 'ISO 4217 code of the total', example: 'USD' }),
    status: z
      .enum(['open', 'paid', 'void', 'uncollectible'])
      .meta({ description: '`open`: it is to be paid', example: 'paid' }),
    hosted_url: z
      .string()
      .nullable()
      .meta({ description: 'Where to look at it and pay it', example: 'https://invoice.stripe.com/i/acct_1/live_1' }),
    pdf_url: z
      .string()
      .nullable()
      .meta({ description: 'The same as PDF', example: 'https://pay.stripe.com/invoice/acct_1/live_1/pdf' }),
  })
  .meta({ id: 'Invoice', description: 'An invoice of Stripe' })

export const stripeRoutes = {
  'POST /api/v1/me/subscription/portal': {
    operationId: 'openBillingPortal',
    summary: 'Open the billing portal',
    description:
      'A page of Stripe with invoices, card and cancellation. The address is good for minutes. Needs a session.',
    tags,
    response: {
      200: z.object({
        url: z.url().meta({ description: 'Where to go', example: 'https://billing.stripe.com/p/session/live_1' }),
      }),
      ...problems,
    },
  },
  'GET /api/v1/me/invoices': {
    operationId: 'listMyInvoices',
    summary: 'My invoices',
    description: 'Newest first, at most 100, as Stripe has them now. Empty for who never paid. Needs a session.',
    tags,
    response: {
      200: z.object({ data: z.array(invoiceSchema).meta({ description: 'The invoices' }) }),
      ...problems,
    },
  },
} as const

/** For Stripe alone; what Stripe sends is checked by its signature. */
export const webhookSchema = { hide: true } as const
