import { AppError } from '../errors.ts'
import { isDeleted } from './ensure-customer.ts'
import { fromCents } from './money.ts'
import { isMissing } from './open-stripe.ts'
import type { StripeContext } from './stripe-context.ts'
import { findCustomerId } from './stripe-queries.ts'
import type { StripeInvoice } from './stripe-service.ts'

/** Where users of Stripe see invoices, change their card and cancel. Throws `not_found` for who never paid. */
export async function openPortal(context: StripeContext, userId: string): Promise<{ url: string }> {
  const customer = await readCustomerId(context, userId)
  if (!customer || (await isDeleted(context, customer)))
    throw new AppError('not_found', { detail: 'You have not paid for anything yet.' })
  const { url } = await context.account.ask((client) =>
    client.billingPortal.sessions.create({ customer, return_url: `${context.publicUrl}/subscription` }),
  )
  return { url }
}

const shownStatuses = ['open', 'paid', 'void', 'uncollectible'] as const

/** Newest first, as Stripe has them now; drafts are not shown. */
export async function listInvoices(context: StripeContext, userId: string): Promise<StripeInvoice[]> {
  const customer = await readCustomerId(context, userId)
  if (!customer) return []
  const { data } = await context.account
    .ask((client) => client.invoices.list({ customer, limit: 100 }))
    .catch((error: unknown) => {
      // A customer who was deleted at Stripe.
      if (isMissing(error)) return { data: [] }
      throw error
    })
  return data.flatMap((invoice) => {
    const status = shownStatuses.find((each) => each === invoice.status)
    if (!status) return []
    return [
      {
        id: invoice.id,
        number: invoice.number,
        created_at: new Date(invoice.created * 1000),
        total_cents: invoice.total,
        total: fromCents(invoice.total, invoice.currency),
        currency: invoice.currency.toUpperCase(),
        status,
        hosted_url: invoice.hosted_invoice_url ?? null,
        pdf_url: invoice.invoice_pdf ?? null,
      },
    ]
  })
}

function readCustomerId({ database }: StripeContext, userId: string): Promise<string | null> {
  return database.asSystem('which customer of Stripe a user is, users cannot read', (tx) => findCustomerId(tx, userId))
}
