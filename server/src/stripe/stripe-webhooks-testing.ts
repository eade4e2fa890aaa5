import { createHmac } from 'node:crypto'
import type { EventObject } from './stripe-objects-testing.ts'

const retryMs = 250
const maxTries = 40

export interface Delivery {
  /** In seconds; Stripe signs anew for each attempt. */
  at?: number
  secret?: string
}

/** Signs and sends events: by itself, until they are taken, or only when told to, in any order and number. */
export class StripeWebhooks {
  url: string | null
  secret: string
  /** While it is true, events gather in `held`. */
  isHolding = false
  readonly held: EventObject[] = []
  #sending = new Set<Promise<unknown>>()
  #isClosed = false

  constructor(url: string | null, secret: string) {
    this.url = url
    this.secret = secret
  }

  note(event: EventObject): void {
    if (this.isHolding || this.url === null) {
      this.held.push(event)
      return
    }
    const sending = this.#sendUntilTaken(event).finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }

  /** The body and its `Stripe-Signature`: HMAC-SHA256 over time and body. */
  sign(event: EventObject, { at = Math.floor(Date.now() / 1000), secret = this.secret }: Delivery = {}) {
    const body = JSON.stringify(event, null, 2)
    const digest = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
    return { body, signature: `t=${at},v1=${digest}` }
  }

  /** One attempt; the status of the answer, 0 when there was none. */
  async deliver(event: EventObject, delivery: Delivery = {}): Promise<number> {
    if (this.url === null) throw new Error('Where to? Set `webhooks.url` first.')
    const { body, signature } = this.sign(event, delivery)
    const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature }
    try {
      const response = await fetch(this.url, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) })
      await response.arrayBuffer()
      return response.status
    } catch {
      return 0
    }
  }

  /** What was held, in the order that `arrange` gives it; it may repeat and leave out. */
  async release(arrange: (events: EventObject[]) => EventObject[] = (events) => events): Promise<void> {
    const events = arrange(this.held.splice(0))
    for (const event of events) await this.deliver(event)
  }

  /** Until nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.settled()
  }

  async #sendUntilTaken(event: EventObject): Promise<void> {
    for (let tries = 0; tries < maxTries && !this.#isClosed; tries++) {
      const status = await this.deliver(event)
      if (status >= 200 && status < 300) return
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
}
