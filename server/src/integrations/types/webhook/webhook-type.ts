import { z } from 'zod'
import { createId } from '../../../database/uuid-v7.ts'
import { checkUrl } from '../../../url-guard/check-url.ts'
import { UrlRefused } from '../../../url-guard/url-refused.ts'
import { ConnectionFailed, type IntegrationType } from '../../integration-type.ts'
import { sendWebhook, webhookPayload } from './send-webhook.ts'
import { createWebhookSecret, isWebhookSecret } from './sign-webhook.ts'

const maxDataLength = 100_000
const input = z.object({ event: z.string().regex(/^[\w.-]{1,80}$/), data: z.record(z.string(), z.unknown()) })

export const webhookType: IntegrationType = {
  type: 'webhook',
  title: 'Webhook',
  description: 'Sends signed messages to an address of yours.',
  icon: 'webhook',
  documentation: `Messages are POST requests with a JSON body \`{"type", "timestamp", "data"}\`, signed as [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0 says: libraries for most languages check the headers \`webhook-id\`, \`webhook-timestamp\` and \`webhook-signature\` with your secret.

**Secret**: leave the field empty and one is made for you. It is shown once, right after saving.

Answer with a status from 200 to 299 within 15 seconds. Anything else is tried again ten times within about three days; **410** means that you want no more messages. One message can arrive twice: its \`webhook-id\` stays the same.

Every message is listed, and can be sent again.`,
  settings: {
    type: 'object',
    properties: {
      url: { type: 'string', title: 'Where to?', format: 'uri', maxLength: 2000 },
      send_run_ended: {
        type: 'boolean',
        title: 'Tell when a run has ended',
        default: false,
        description: 'Sends `run.ended` with input and output of every run of this agent.',
      },
    },
    required: ['url'],
  },
  credentials: {
    type: 'object',
    properties: {
      secret: {
        type: 'string',
        title: 'Signing secret',
        format: 'password',
        maxLength: 200,
        description: '`whsec_` and 24 to 64 bytes in base64. Left empty: one is made for you.',
      },
    },
    required: [],
  },
  destination: [],
  scopes: [],
  makeCredentials: ({ credentials }): Record<string, string> =>
    credentials.secret ? {} : { secret: createWebhookSecret() },
  check({ settings, credentials }) {
    const faults = []
    try {
      checkUrl(String(settings.url))
    } catch (error) {
      if (!(error instanceof UrlRefused)) throw error
      faults.push({ path: '/settings/url', message: error.message })
    }
    if (!isWebhookSecret(String(credentials.secret)))
      faults.push({ path: '/credentials/secret', message: 'Must be `whsec_` and 24 to 64 bytes in base64.' })
    return faults
  },
  async test({ settings, credentials, urlGuard, signal }) {
    const url = String(settings.url)
    const message = { url, secret: String(credentials.secret), id: createId(), payload: webhookPayload('test', {}) }
    const answer = await sendWebhook(urlGuard, message, signal)
    if (answer.kind === 'failed') throw new ConnectionFailed('unreachable', answer.message)
    if (answer.status < 200 || answer.status > 299)
      throw new ConnectionFailed('refused', `${new URL(url).host} answered with the status ${answer.status}.`)
    return { message: `${new URL(url).host} took a message of the type "test".` }
  },
  tools: [
    {
      name: 'send_webhook',
      title: 'Send a message to the webhook',
      description:
        'Sends an event with data to the server that the owner connected. It is sent in the background and tried again until it arrives.',
      inputSchema: {
        type: 'object',
        properties: {
          event: {
            type: 'string',
            pattern: '^[A-Za-z0-9_.-]{1,80}$',
            description: 'What happened, such as order.placed',
          },
          data: { type: 'object', description: 'What is to be told about it' },
        },
        required: ['event', 'data'],
        additionalProperties: false,
      },
      effect: 'writes',
      isUntrusted: false,
      describeCall(given) {
        const { event } = input.partial().parse(given)
        return `Send the event "${event}"`
      },
      async execute(given, connection) {
        const { event, data } = input.parse(given)
        if (!connection.queueDelivery) throw new Error('This connection is only tried out.')
        const payload = webhookPayload(event, data)
        if (payload.length > maxDataLength) throw new Error(`At most ${maxDataLength} characters can be sent.`)
        return { message_id: await connection.queueDelivery(event, payload), is_queued: true }
      },
    },
  ],
}
