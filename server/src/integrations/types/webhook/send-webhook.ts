import type { UrlGuard } from '../../../url-guard/url-guard.ts'
import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { signWebhook } from './sign-webhook.ts'

/** Within what the specification asks of senders (15 to 30 seconds). */
const timeoutMs = 15_000
const maxBytes = 64 * 1024

export type WebhookAnswer =
  | { kind: 'answered'; status: number; retryAfterSeconds: number | null }
  | { kind: 'failed'; message: string }

/** One attempt. A redirect is an answer like any other, that is: not delivered. */
export async function sendWebhook(
  urlGuard: UrlGuard,
  { url, secret, id, payload }: { url: string; secret: string; id: string; payload: string },
  signal?: AbortSignal,
): Promise<WebhookAnswer> {
  try {
    const response = await urlGuard.boundedFetch({ timeoutMs, maxBytes, maxRedirects: 0 })(url, {
      method: 'POST',
      headers: signWebhook(secret, { id, payload }),
      body: payload,
      redirect: 'manual',
      ...(signal && { signal }),
    })
    await response.body?.cancel()
    const after = Number(response.headers.get('retry-after') ?? Number.NaN)
    return { kind: 'answered', status: response.status, retryAfterSeconds: Number.isFinite(after) ? after : null }
  } catch (error) {
    if (error instanceof UrlRefused || error instanceof UrlFetchFailed)
      return { kind: 'failed', message: error.message }
    throw error
  }
}

/** Standard Webhooks 1.0.0, "Payload structure". */
export function webhookPayload(type: string, data: unknown, now = new Date()): string {
  return JSON.stringify({ type, timestamp: now.toISOString(), data })
}
