import { type Form, fields, flag, text, texts } from './stripe-form-testing.ts'
import { isLiving, type StripeModel } from './stripe-model-testing.ts'
import { missing, newId, StripeRefusal } from './stripe-objects-testing.ts'

export interface ApiRequest {
  method: string
  path: string
  form: Form
  /** Of this server, for addresses of pages. */
  origin: string
}

/** The part of Stripe's API that is called, by its reference; anything else is refused as Stripe refuses an unknown URL. */
export function answerApi(model: StripeModel, request: ApiRequest): object {
  const { method, path } = request
  for (const [route, pattern, answer] of routes) {
    if (route !== method) continue
    const match = pattern.exec(path)
    if (match) return answer(model, request, match[1] ?? '')
  }
  throw new StripeRefusal(404, 'invalid_request_error', `Unrecognized request URL (${method}: ${path}).`)
}

type Answer = (model: StripeModel, request: ApiRequest, id: string) => object

const routes: [method: string, path: RegExp, answer: Answer][] = [
  ['GET', /^\/v1\/products\/([\w-]+)$/, (model, _request, id) => model.products.get(id) ?? refuse('product', id)],
  ['POST', /^\/v1\/products$/, createProduct],
  ['POST', /^\/v1\/products\/([\w-]+)$/, updateProduct],
  ['GET', /^\/v1\/prices$/, listPrices],
  ['POST', /^\/v1\/prices$/, createPrice],
  ['POST', /^\/v1\/customers$/, createCustomer],
  ['GET', /^\/v1\/customers\/([\w-]+)$/, retrieveCustomer],
  ['GET', /^\/v1\/checkout\/sessions$/, listCheckouts],
  ['POST', /^\/v1\/checkout\/sessions$/, createCheckout],
  [
    'GET',
    /^\/v1\/checkout\/sessions\/([\w-]+)$/,
    (model, _request, id) => model.checkouts.get(id) ?? refuse('checkout session', id),
  ],
  ['POST', /^\/v1\/checkout\/sessions\/([\w-]+)\/expire$/, expireCheckout],
  ['POST', /^\/v1\/billing_portal\/sessions$/, createPortal],
  ['GET', /^\/v1\/subscriptions$/, listSubscriptions],
  ['GET', /^\/v1\/subscriptions\/([\w-]+)$/, (model, _request, id) => model.get(id)],
  ['POST', /^\/v1\/subscriptions\/([\w-]+)$/, updateSubscription],
  ['DELETE', /^\/v1\/subscriptions\/([\w-]+)$/, (model, _request, id) => model.cancel(id)],
  ['GET', /^\/v1\/invoices$/, listInvoices],
  ['POST', /^\/v1\/invoices\/create_preview$/, previewInvoice],
]

function refuse(kind: string, id: string): never {
  throw missing(kind, id, 'id')
}

function need(form: Form, name: string): string {
  const value = text(form[name])
  if (value) return value
  throw new StripeRefusal(400, 'invalid_request_error', `Missing required param: ${name}.`, {
    code: 'parameter_missing',
    param: name,
  })
}

function needCents(form: Form, name: string): number {
  const value = need(form, name)
  if (!/^\d+$/.test(value))
    throw new StripeRefusal(400, 'invalid_request_error', `Invalid integer: ${value}`, {
      code: 'parameter_invalid_integer',
      param: name,
    })
  return Number(value)
}

/** Newest first, from `starting_after` on. */
function toList<Row extends { id: string; created: number }>(rows: Row[], { form, path }: ApiRequest): object {
  const limit = Math.min(100, Number(text(form.limit) ?? 10))
  const newestFirst = rows.toReversed().toSorted((one, other) => other.created - one.created)
  const after = text(form.starting_after)
  const start = after === undefined ? 0 : newestFirst.findIndex(({ id }) => id === after) + 1
  const data = newestFirst.slice(start, start + limit)
  return { object: 'list', url: path, has_more: newestFirst.length > start + limit, data }
}

const matches = (wanted: string | undefined, value: string) => wanted === undefined || wanted === value

function createProduct(model: StripeModel, { form }: ApiRequest): object {
  const id = text(form.id) ?? newId('prod')
  if (model.products.has(id))
    throw new StripeRefusal(400, 'invalid_request_error', `Product already exists with id: ${id}`, {
      code: 'resource_already_exists',
      param: 'id',
    })
  const product = {
    id,
    object: 'product' as const,
    created: model.now,
    name: need(form, 'name'),
    active: flag(form.active) ?? true,
    metadata: texts(form.metadata),
    livemode: false as const,
  }
  model.products.set(id, product)
  model.emit('product.created', product)
  return product
}

function updateProduct(model: StripeModel, { form }: ApiRequest, id: string): object {
  const product = model.products.get(id) ?? refuse('product', id)
  product.name = text(form.name) ?? product.name
  product.active = flag(form.active) ?? product.active
  model.emit('product.updated', product)
  return product
}

function listPrices(model: StripeModel, request: ApiRequest): object {
  const { product, active } = request.form
  const rows = [...model.prices.values()].filter(
    (price) => matches(text(product), price.product) && (active === undefined || price.active === flag(active)),
  )
  return toList(rows, request)
}

function createPrice(model: StripeModel, { form }: ApiRequest): object {
  const product = need(form, 'product')
  if (!model.products.has(product)) throw missing('product', product, 'product', 400)
  const interval = text(fields(form.recurring).interval)
  if (interval !== 'month' && interval !== 'year')
    throw new StripeRefusal(
      400,
      'invalid_request_error',
      'Invalid recurring[interval]: must be one of day, month, week, or year',
      { param: 'recurring[interval]' },
    )
  const currency = need(form, 'currency')
  if (!/^[a-z]{3}$/.test(currency))
    throw new StripeRefusal(400, 'invalid_request_error', `Invalid currency: ${currency}.`, { param: 'currency' })
  return model.addPrice({
    product,
    currency,
    unit_amount: needCents(form, 'unit_amount'),
    interval,
    metadata: texts(form.metadata),
  })
}

function createCustomer(model: StripeModel, { form }: ApiRequest): object {
  return model.addCustomer({
    email: text(form.email) ?? null,
    name: text(form.name) ?? null,
    metadata: texts(form.metadata),
  })
}

function retrieveCustomer(model: StripeModel, _request: ApiRequest, id: string): object {
  const customer = model.customers.get(id) ?? refuse('customer', id)
  return customer.deleted ? { id, object: 'customer', deleted: true } : customer
}

function needCustomer(model: StripeModel, form: Form): string {
  const id = need(form, 'customer')
  const customer = model.customers.get(id)
  if (!customer || customer.deleted) throw missing('customer', id, 'customer', 400)
  return id
}

function listCheckouts(model: StripeModel, request: ApiRequest): object {
  const { customer, status } = request.form
  const rows = [...model.checkouts.values()].filter(
    (each) => matches(text(customer), each.customer) && matches(text(status), each.status),
  )
  return toList(rows, request)
}

function createCheckout(model: StripeModel, { form, origin }: ApiRequest): object {
  const customer = needCustomer(model, form)
  const line = fields(fields(form.line_items)['0'])
  const price = model.getPrice(need(line, 'price'))
  const data = fields(form.subscription_data)
  const quantity = Number(text(line.quantity) ?? 1)
  const trialDays = Number(text(data.trial_period_days) ?? 0)
  if (need(form, 'mode') !== 'subscription')
    throw new StripeRefusal(400, 'invalid_request_error', 'This server knows subscriptions alone.')
  const id = newId('cs_test')
  const checkout = {
    id,
    object: 'checkout.session' as const,
    created: model.now,
    expires_at: model.now + 86_400,
    mode: 'subscription' as const,
    status: 'open' as const,
    payment_status: 'unpaid' as const,
    customer,
    client_reference_id: text(form.client_reference_id) ?? null,
    subscription: null,
    success_url: need(form, 'success_url'),
    cancel_url: need(form, 'cancel_url'),
    url: `${origin}/c/pay/${id}`,
    amount_total: trialDays > 0 ? 0 : price.unit_amount * quantity,
    currency: price.currency,
    allow_promotion_codes: flag(form.allow_promotion_codes) ?? false,
    metadata: texts(form.metadata),
    livemode: false as const,
  }
  model.checkouts.set(id, { ...checkout, price: price.id, quantity, trialDays, data: texts(data.metadata) })
  return checkout
}

function expireCheckout(model: StripeModel, _request: ApiRequest, id: string): object {
  const checkout = model.checkouts.get(id) ?? refuse('checkout session', id)
  if (checkout.status !== 'open')
    throw new StripeRefusal(
      400,
      'invalid_request_error',
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${checkout.status}.`,
    )
  model.expireCheckout(checkout)
  return checkout
}

function createPortal(model: StripeModel, { form, origin }: ApiRequest): object {
  const customer = needCustomer(model, form)
  const id = newId('bps')
  const return_url = text(form.return_url) ?? origin
  const url = `${origin}/p/session/${id}?customer=${customer}&return_url=${encodeURIComponent(return_url)}`
  return { id, object: 'billing_portal.session', created: model.now, customer, livemode: false, return_url, url }
}

function listSubscriptions(model: StripeModel, request: ApiRequest): object {
  const { customer, status } = request.form
  if (customer !== undefined) needCustomer(model, request.form)
  const wanted = text(status)
  const rows = [...model.subscriptions.values()].filter(
    (each) =>
      matches(text(customer), each.customer) &&
      (wanted === 'all' || (wanted === undefined ? isLiving(each) : each.status === wanted)),
  )
  return toList(rows, request)
}

function updateSubscription(model: StripeModel, { form }: ApiRequest, id: string): object {
  const subscription = model.get(id)
  const item = fields(fields(form.items)['0'])
  const itemId = text(item.id)
  if (itemId !== undefined && itemId !== model.itemOf(subscription).id)
    throw missing('subscription item', itemId, 'items[0][id]', 400)
  // Without its id Stripe would add a second item.
  if (item.price !== undefined && itemId === undefined)
    throw new StripeRefusal(400, 'invalid_request_error', 'This server has one item a subscription: name it.', {
      param: 'items[0][id]',
    })
  return model.update(id, {
    price: text(item.price),
    proration: text(form.proration_behavior),
    payment: text(form.payment_behavior),
    endsTrial: text(form.trial_end) === 'now',
    cancelAtPeriodEnd: flag(form.cancel_at_period_end),
    metadata: texts(form.metadata),
  })
}

function listInvoices(model: StripeModel, request: ApiRequest): object {
  const { customer, subscription, status } = request.form
  const rows = [...model.invoices.values()].filter(
    (each) =>
      matches(text(customer), each.customer) &&
      matches(text(subscription), each.parent.subscription_details.subscription) &&
      matches(text(status), each.status),
  )
  for (const invoice of rows) {
    invoice.hosted_invoice_url = `${request.origin}/i/${invoice.id}`
    invoice.invoice_pdf = `${request.origin}/i/${invoice.id}/pdf`
  }
  return toList(rows, request)
}

function previewInvoice(model: StripeModel, { form }: ApiRequest): object {
  const subscription = model.get(need(form, 'subscription'))
  const details = fields(form.subscription_details)
  const price = model.getPrice(need(fields(fields(details.items)['0']), 'price'))
  const proration = text(details.proration_behavior) ?? 'create_prorations'
  const { due } = model.prorate(subscription, price, proration, text(details.trial_end) === 'now')
  const balance = model.customers.get(subscription.customer)?.balance ?? 0
  return {
    id: newId('upcoming_in'),
    object: 'invoice',
    created: model.now,
    customer: subscription.customer,
    currency: subscription.currency,
    status: 'draft',
    subtotal: due,
    total: due,
    amount_due: Math.max(0, due + balance),
    amount_paid: 0,
    livemode: false,
  }
}
