import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

/** Standard Webhooks 1.0.0: the headers of one attempt. `id` stays the same in every attempt, the time does not. */
export function signWebhook(
  secret: string,
  { id, payload, now = new Date() }: { id: string; payload: string; now?: Date },
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'AgentExpress-Webhook/1.0',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, now, payload),
  }
}

export function createWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/** 24 to 64 bytes in base64 behind `whsec_`, as the specification asks. */
export function isWebhookSecret(text: string): boolean {
  const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === encoded
}
