import type { JSONSchema7 } from '@ai-sdk/provider'
import { z } from 'zod'
import { ConnectionFailed, type IntegrationType } from '../../integration-type.ts'
import { findHostFault } from './host-list.ts'
import { type HttpRequest, sendHttpRequest } from './send-http-request.ts'

const address = { type: 'string', description: 'https address on one of the allowed hosts' } as const
const query: JSONSchema7 = {
  type: 'object',
  description: 'Parameters to add to the address',
  additionalProperties: { type: ['string', 'number', 'boolean'] },
}

const readInput = z.object({
  url: z.string(),
  query: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
})
const sendInput = readInput.extend({ method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']), body: z.unknown().optional() })

export const httpType: IntegrationType = {
  type: 'http',
  title: 'HTTP requests',
  description: 'Lets an agent ask web services on the hosts you list.',
  icon: 'world-www',
  documentation: `List the hosts that the agent may ask, one a line: \`api.example.com\`, \`api.example.com:8443\`, or \`*.example.com\` for everything below example.com. Any other host is refused.

**Credentials** go to the hosts of this list alone, and never along with a redirect to another one. Give the agent a key with the least rights that do. For hosts with different keys make one integration each.

Reading (GET) does not ask you first; everything else (POST, PUT, PATCH, DELETE) does.`,
  settings: {
    type: 'object',
    properties: {
      hosts: {
        type: 'array',
        title: 'Which hosts may it ask?',
        items: { type: 'string', title: 'Host', maxLength: 260 },
        minItems: 1,
        maxItems: 50,
        uniqueItems: true,
      },
      auth: {
        type: 'string',
        title: 'How does it sign in there?',
        enum: ['none', 'bearer', 'basic', 'header'],
        enum_titles: {
          none: 'Not at all',
          bearer: 'With a token (Bearer)',
          basic: 'With user name and password (Basic)',
          header: 'With a key in a header of its own',
        },
        default: 'none',
      },
      username: {
        type: 'string',
        title: 'User name',
        maxLength: 200,
        shown_when: { field: 'auth', is: ['basic'] },
      },
      header_name: {
        type: 'string',
        title: 'Name of the header',
        maxLength: 100,
        default: 'X-API-Key',
        shown_when: { field: 'auth', is: ['header'] },
      },
      test_url: {
        type: 'string',
        title: 'Address for the test',
        format: 'uri',
        description: 'Asked with GET when you test the connection. Left out: the first host.',
      },
      allow_http: {
        type: 'boolean',
        title: 'Also without encryption (http)',
        default: false,
        description: 'Anybody on the way can read what is sent, the credentials too.',
      },
    },
    required: ['hosts', 'username', 'header_name'],
  },
  credentials: {
    type: 'object',
    properties: {
      secret: {
        type: 'string',
        title: 'Token, password or key',
        format: 'password',
        maxLength: 5000,
        shown_when: { field: 'auth', is: ['bearer', 'basic', 'header'] },
      },
    },
    required: ['secret'],
  },
  destination: ['hosts'],
  scopes: [],
  check({ settings, credentials }) {
    const faults = ((settings.hosts ?? []) as string[]).flatMap((host, index) => {
      const message = findHostFault(host)
      return message ? [{ path: `/settings/hosts/${index}`, message }] : []
    })
    if (settings.auth === 'header' && !/^[\w!#$%&'*+.^`|~-]+$/.test(String(settings.header_name)))
      faults.push({ path: '/settings/header_name', message: 'Must be the name of a header, such as X-API-Key.' })
    if (/[^\t\x20-\x7e\x80-\xff]/.test(String(credentials.secret ?? '')))
      faults.push({ path: '/credentials/secret', message: 'Has characters that cannot be in a header.' })
    return faults
  },
  async test(connection) {
    const hosts = (connection.settings.hosts ?? []) as string[]
    const host = hosts.find((line) => !line.startsWith('*.'))
    const scheme = connection.settings.allow_http === true ? 'http' : 'https'
    const url = connection.settings.test_url ?? (host && `${scheme}://${host}/`)
    if (typeof url !== 'string' || url === '')
      throw new ConnectionFailed('refused', 'Name an address for the test: there is no host without a star.')
    const answer = await sendHttpRequest(connection, { method: 'GET', url }).catch((error: unknown) => {
      if (error instanceof ConnectionFailed || !(error instanceof Error)) throw error
      throw new ConnectionFailed('refused', error.message, error)
    })
    if (connection.settings.test_url && answer.status >= 400)
      throw new ConnectionFailed('refused', `${new URL(url).host} answered with the status ${answer.status}.`)
    return { message: `${new URL(url).host} answered with the status ${answer.status}.` }
  },
  tools: [
    {
      name: 'read_url',
      title: 'Read from a web service',
      description: 'Sends a GET request to one of the allowed hosts and gives back status and text of the answer.',
      inputSchema: {
        type: 'object',
        properties: { url: address, query },
        required: ['url'],
        additionalProperties: false,
      },
      effect: 'reads',
      isUntrusted: true,
      execute: (input, connection) => sendHttpRequest(connection, { method: 'GET', ...readInput.parse(input) }),
    },
    {
      name: 'send_request',
      title: 'Send to a web service',
      description:
        'Sends a request that changes something to one of the allowed hosts, and gives back status and text of the answer. `body`: text, or JSON of any form.',
      inputSchema: {
        type: 'object',
        properties: {
          method: { type: 'string', enum: ['POST', 'PUT', 'PATCH', 'DELETE'] },
          url: address,
          query,
          body: { description: 'What to send: text, or an object or list that is sent as JSON' },
        },
        required: ['method', 'url'],
        additionalProperties: false,
      },
      effect: 'writes',
      isUntrusted: true,
      describeCall(input) {
        const { method, url } = sendInput.partial().parse(input)
        return `${method} ${url}`
      },
      execute: (input, connection) => sendHttpRequest(connection, sendInput.parse(input) as HttpRequest),
    },
  ],
}
