import { type Form, text } from './stripe-form-testing.ts'
import { isLiving, type StripeModel } from './stripe-model-testing.ts'
import { type CheckoutObject, missing, StripeRefusal } from './stripe-objects-testing.ts'

/** HTML, or where the browser goes next. */
export type Page = { html: string } | { location: string }

const escapeHtml = (value: string) => value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
const money = (cents: number, currency: string) => `${(cents / 100).toFixed(2)} ${currency.toUpperCase()}`

function layout(title: string, body: string): Page {
  return {
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title></head><body style="font-family:sans-serif;max-width:26rem;margin:2rem auto">
<main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`,
  }
}

const field = (label: string, name: string, value: string, type = 'text') =>
  `<p><label>${label}<br><input name="${name}" type="${type}" value="${escapeHtml(value)}" required></label></p>`
const button = (label: string, action: string) => `<button name="action" value="${action}">${label}</button> `
const problem = (message: string | null) => (message ? `<p role="alert">${escapeHtml(message)}</p>` : '')

/** The pages that customers see: the checkout, the billing portal, an invoice. Null for any other address. */
export function answerPage(model: StripeModel, method: string, url: URL, form: Form): Page | null {
  const [, kind, id = ''] = /^\/(c\/pay|p\/session|i)\/(\w+)(?:\/pdf)?$/.exec(url.pathname) ?? []
  if (kind === 'c/pay') return answerCheckout(model, id, method === 'POST' ? form : null)
  if (kind === 'p/session') return answerPortal(model, url, method === 'POST' ? form : null)
  if (kind === 'i') return answerInvoice(model, id)
  return null
}

function answerCheckout(model: StripeModel, id: string, form: Form | null): Page {
  const checkout = model.checkouts.get(id)
  if (!checkout) throw missing('checkout session', id, 'id')
  if (checkout.status === 'expired') return layout('This page has expired', '<p>Go back and begin again.</p>')
  const success = checkout.success_url.replace('{CHECKOUT_SESSION_ID}', id)
  if (checkout.status === 'complete') return { location: success }
  if (text(form?.action) === 'cancel') return { location: checkout.cancel_url }
  if (!form) return showCheckout(model, checkout, null)
  try {
    pay(model, id, { card: text(form.card) ?? '', email: text(form.email) ?? '' })
    return { location: success }
  } catch (error) {
    if (error instanceof StripeRefusal) return showCheckout(model, checkout, error.message)
    throw error
  }
}

function showCheckout(model: StripeModel, checkout: CheckoutObject, message: string | null): Page {
  const email = model.customers.get(checkout.customer)?.email ?? ''
  return layout(
    'Checkout',
    `<p>${money(checkout.amount_total, checkout.currency)} due today</p>${problem(message)}<form method="post">
${field('E-mail', 'email', email, 'email')}${field('Card number', 'card', '')}${button('Pay', 'pay')}
<button name="action" value="cancel" formnovalidate>Cancel</button></form>`,
  )
}

/** What the button does; throws `StripeRefusal` for a card that is declined. */
export function pay(model: StripeModel, checkoutId: string, { card, email }: { card: string; email?: string }): void {
  const checkout = model.checkouts.get(checkoutId)
  if (checkout?.status !== 'open') throw missing('checkout session', checkoutId, 'id')
  const customer = model.customers.get(checkout.customer)
  if (customer && email) customer.email = email
  model.attachCard(checkout.customer, card.replaceAll(' ', ''))
  const { price, quantity, trialDays, data } = checkout
  const subscription = model.begin(checkout.customer, price, { quantity, trialDays, metadata: data })
  const payment_status = trialDays > 0 ? ('no_payment_required' as const) : ('paid' as const)
  Object.assign(checkout, { status: 'complete', payment_status, subscription: subscription.id, url: null })
  model.emit('checkout.session.completed', checkout)
}

function answerPortal(model: StripeModel, url: URL, form: Form | null): Page {
  const customerId = url.searchParams.get('customer') ?? ''
  const returnUrl = url.searchParams.get('return_url') ?? '/'
  const action = text(form?.action)
  if (action === 'return') return { location: returnUrl }
  let message: string | null = null
  if (form && action)
    try {
      act(model, customerId, action, form)
      return { location: url.href }
    } catch (error) {
      if (!(error instanceof StripeRefusal)) throw error
      message = error.message
    }
  const subscriptions = [...model.subscriptions.values()].filter(
    (each) => each.customer === customerId && isLiving(each),
  )
  const invoices = [...model.invoices.values()].filter((each) => each.customer === customerId)
  const list = subscriptions.map((subscription) => {
    const { price, current_period_end } = model.itemOf(subscription)
    const name = model.products.get(price.product)?.name ?? price.product
    const end = new Date(current_period_end * 1000).toISOString().slice(0, 10)
    const hidden = `<input type="hidden" name="subscription" value="${subscription.id}">`
    return `<section><h2>${escapeHtml(name)}</h2><p>${money(price.unit_amount, price.currency)} a ${price.recurring.interval}, ${subscription.status}, ${subscription.cancel_at_period_end ? 'ends' : 'renews'} on ${end}</p>
<form method="post">${hidden}${subscription.cancel_at_period_end ? button('Renew subscription', 'resume') : button('Cancel subscription', 'cancel')}</form></section>`
  })
  const open = invoices.some(({ status }) => status === 'open')
  return layout(
    'Billing portal',
    `${problem(message)}${list.join('') || '<p>No subscription</p>'}
<form method="post">${field('Card number', 'card', '')}${button('Save card', 'card')}</form>
${open ? `<form method="post">${button('Pay open invoice', 'pay')}</form>` : ''}
<h2>Invoices</h2><ul>${invoices.map((each) => `<li><a href="/i/${each.id}">${each.number}</a> ${money(each.total, each.currency)} ${each.status}</li>`).join('')}</ul>
<form method="post">${button('Return', 'return')}</form>`,
  )
}

function act(model: StripeModel, customerId: string, action: string, form: Form): void {
  const subscriptionId = text(form.subscription) ?? ''
  if (action === 'card') model.attachCard(customerId, (text(form.card) ?? '').replaceAll(' ', ''))
  else if (action === 'cancel') model.update(subscriptionId, { cancelAtPeriodEnd: true })
  else if (action === 'resume') model.update(subscriptionId, { cancelAtPeriodEnd: false })
  else if (action === 'pay') payOpenInvoices(model, customerId)
}

export function payOpenInvoices(model: StripeModel, customerId: string): void {
  for (const invoice of model.invoices.values())
    if (invoice.customer === customerId && invoice.status === 'open' && !model.collect(invoice))
      throw new StripeRefusal(402, 'card_error', 'Your card was declined.', { code: 'card_declined' })
}

function answerInvoice(model: StripeModel, id: string): Page {
  const invoice = model.invoices.get(id)
  if (!invoice) throw missing('invoice', id, 'id')
  return layout(`Invoice ${invoice.number}`, `<p>${money(invoice.total, invoice.currency)}, ${invoice.status}</p>`)
}
