import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { answerApi } from './stripe-api-testing.ts'
import { readForm } from './stripe-form-testing.ts'
import { StripeModel } from './stripe-model-testing.ts'
import { newId, StripeRefusal } from './stripe-objects-testing.ts'
import { answerPage, pay } from './stripe-pages-testing.ts'
import { StripeWebhooks } from './stripe-webhooks-testing.ts'

export const testStripeKeys = {
  secretKey: 'sk_test_planted4Stripe9Secret8Key7',
  webhookSecret: 'whsec_planted6Webhook5Secret4',
}

export interface StripeServerOptions {
  /** Where events go; left out they gather in `webhooks.held` until it is set. */
  webhookUrl?: string | null
  secretKey?: string
  /** Of the webhooks. */
  secret?: string
}

export interface StripeServer {
  url: string
  model: StripeModel
  webhooks: StripeWebhooks
  /** Statuses that come next in place of answers of the API; 0: the connection is cut. */
  failures: number[]
  /** While it is true every connection is cut. */
  isDown: boolean
  /** Every request to the API that was answered, such as `POST /v1/customers`. */
  requests: string[]
  /** Before each answer of the API: to let something happen in the meantime. */
  beforeAnswer: (request: string) => Promise<void> | void
  /** Waits until what happens is told, when events go out by themselves. */
  advance(days: number): Promise<void>
  /** Fills in a checkout page, as `Pay` does. */
  pay(checkoutUrl: string, card?: string): Promise<void>
  /** The environment of a server that uses this one. */
  environment(publicUrl: string): Record<string, string>
  close(): Promise<void>
}

/**
 * A server that speaks the part of Stripe's API that is called here, with its pages for customers, its clock and its
 * webhooks; by https://docs.stripe.com/api.
 */
export async function startStripeServer(options: StripeServerOptions = {}): Promise<StripeServer> {
  const { webhookUrl = null, secretKey = testStripeKeys.secretKey, secret = testStripeKeys.webhookSecret } = options
  const model = new StripeModel()
  const webhooks = new StripeWebhooks(webhookUrl, secret)
  model.onEvent = (event) => webhooks.note(event)
  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const answerOnce = createIdempotency()

  const server: StripeServer = {
    url,
    model,
    webhooks,
    failures: [],
    isDown: false,
    requests: [],
    beforeAnswer() {},
    async advance(days) {
      model.advance(days)
      await webhooks.settled()
    },
    async pay(checkoutUrl, card = '4242 4242 4242 4242') {
      pay(model, new URL(checkoutUrl).pathname.split('/').at(-1) ?? '', { card })
      await webhooks.settled()
    },
    environment: (publicUrl) => ({
      PUBLIC_URL: publicUrl,
      STRIPE_SECRET_KEY: secretKey,
      STRIPE_WEBHOOK_SECRET: secret,
      STRIPE_API_URL: url,
    }),
    async close() {
      await webhooks.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(request)
    const address = new URL(request.url ?? '/', url)
    const method = request.method ?? 'GET'
    if (!address.pathname.startsWith('/v1/')) return sendPage(response, method, address, body)
    await server.beforeAnswer(`${method} ${address.pathname}`)
    const failure = server.isDown ? 0 : server.failures.shift()
    if (failure === 0) return void response.destroy()
    const sendError = (refusal: StripeRefusal) => sendJson(response, refusal.status, { error: refusal.body })
    if (failure !== undefined)
      // What Stripe sends may repeat what it got.
      return sendError(
        new StripeRefusal(
          failure,
          'api_error',
          `Something went wrong with the request of ${request.headers.authorization}.`,
        ),
      )
    if (request.headers.authorization !== `Bearer ${secretKey}`)
      return sendError(
        new StripeRefusal(
          401,
          'invalid_request_error',
          `Invalid API Key provided: ${request.headers.authorization?.slice(7)}`,
        ),
      )
    server.requests.push(`${method} ${address.pathname}`)
    const form = readForm(method === 'POST' ? body : address.search.slice(1))
    const key = method === 'POST' ? request.headers['idempotency-key'] : undefined
    const content = JSON.stringify([address.pathname, form])
    const { status, json, isReplayed } = answerOnce(typeof key === 'string' ? key : null, content, () =>
      answerApi(model, { method, path: address.pathname, form, origin: url }),
    )
    if (isReplayed) response.setHeader('idempotent-replayed', 'true')
    sendJson(response, status, json)
  }

  function sendPage(response: ServerResponse, method: string, address: URL, body: string): void {
    const page = answerPage(model, method, address, readForm(body))
    if (!page) response.writeHead(404).end()
    else if ('location' in page) response.writeHead(303, { location: page.location }).end()
    else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page.html)
  }

  function sendJson(response: ServerResponse, status: number, json: string | object): void {
    const headers = {
      'content-type': 'application/json',
      'request-id': newId('req'),
      'stripe-version': '2026-10-28.endive',
    }
    response.writeHead(status, headers).end(typeof json === 'string' ? json : JSON.stringify(json))
  }
}

interface Answered {
  status: number
  json: string
}

/** The same key gets the same answer; with other content it is refused. Errors of the card and of the input count too. */
function createIdempotency() {
  const answers = new Map<string, Answered & { content: string }>()
  return (key: string | null, content: string, work: () => object): Answered & { isReplayed: boolean } => {
    const known = key === null ? undefined : answers.get(key)
    if (known && known.content === content) return { ...known, isReplayed: true }
    if (known) {
      const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`
      return { status: 400, json: JSON.stringify({ error: { type: 'idempotency_error', message } }), isReplayed: false }
    }
    let answered: Answered
    try {
      answered = { status: 200, json: JSON.stringify(work()) }
    } catch (error) {
      if (!(error instanceof StripeRefusal)) throw error
      answered = { status: error.status, json: JSON.stringify({ error: error.body }) }
    }
    if (key !== null) answers.set(key, { ...answered, content })
    return { ...answered, isReplayed: false }
  }
}
