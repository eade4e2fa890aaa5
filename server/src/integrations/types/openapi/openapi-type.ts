import type { Fault } from '../../../errors.ts'
import { checkUrl } from '../../../url-guard/check-url.ts'
import type { Connection, IntegrationType, OAuthServer, ToolDefinition } from '../../integration-type.ts'
import { callOperation } from './call-operation.ts'
import type { Operation } from './find-operations.ts'
import { asText, type JsonObject } from './json-object.ts'
import { type Api, isReading, loadApi } from './load-api.ts'
import { documentation } from './openapi-documentation.ts'
import { credentialsForm, settingsForm } from './openapi-form.ts'

/** Any HTTP API with an OpenAPI document: its operations are the tools. */
export const openapiType: IntegrationType = {
  type: 'openapi',
  title: 'API (OpenAPI)',
  description: 'Use any service that describes its HTTP API in an OpenAPI document.',
  icon: 'api',
  documentation,
  settings: settingsForm,
  credentials: credentialsForm,
  destination: ['source', 'document_url', 'document', 'server_url', 'authorization_url', 'token_url'],
  scopes: [],
  check: ({ settings }) => checkSettings(settings),

  asksForOAuth: ({ authentication }) => authentication === 'oauth2',

  async oauth({ settings, credentials }): Promise<OAuthServer | null> {
    if (settings.authentication !== 'oauth2') return null
    const secret = asText(credentials.client_secret)
    return {
      authorizationEndpoint: asText(settings.authorization_url),
      tokenEndpoint: asText(settings.token_url),
      clientId: asText(settings.client_id),
      ...(secret !== '' && { clientSecret: secret }),
      scopes: asText(settings.scopes).split(/\s+/).filter(Boolean),
    }
  },

  async test(connection) {
    const api = await loadApi(connection)
    const found = `${api.title} at ${api.server.host}: ${api.chosen.length} of ${api.operationCount} operations are tools.`
    const harmless = api.chosen.find((each) => isReading(each) && !each.inputSchema.required?.length)
    if (!harmless) return { message: `${found} None could be tried without input.` }
    return { message: `${found} ${await tryOperation(api, harmless, connection)}` }
  },

  tools: {
    list: async (connection) => (await loadApi(connection)).chosen.map(toDefinition),
    async call(connection, name, input) {
      const api = await loadApi(connection)
      const operation = api.chosen.find((each) => each.name === name)
      if (!operation) throw new Error('The API does not have this operation any more.')
      return await callOperation(api, operation, input, connection)
    },
  },
}

/** One that reads and needs no input; its own error says nothing against the connection. */
async function tryOperation(api: Api, operation: Api['chosen'][number], connection: Connection): Promise<string> {
  const label = `${operation.method} ${operation.path}`
  try {
    const { status } = await callOperation(api, operation, {}, connection)
    return `${label} answered with status ${status}.`
  } catch (error) {
    const status = /^The API answered with status (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
    if (status === undefined) throw error
    return `${label} answered with status ${status}.`
  }
}

const toDefinition = (operation: Operation): ToolDefinition => ({
  name: operation.name,
  title: operation.title,
  description: operation.description,
  inputSchema: operation.inputSchema,
  effect: isReading(operation) ? 'reads' : 'writes',
  isUntrusted: true,
})

function checkSettings(settings: JsonObject): Fault[] {
  const faults: Fault[] = []
  for (const field of ['document_url', 'server_url', 'authorization_url', 'token_url']) {
    const value = settings[field]
    if (typeof value !== 'string' || value === '') continue
    try {
      checkUrl(value)
    } catch (error) {
      faults.push({
        path: `/settings/${field}`,
        message: error instanceof Error ? error.message : 'This is no web address.',
      })
    }
  }
  const keyName = asText(settings.key_name)
  const isFree =
    /^[\w!#$%&'*+.^`|~-]+$/.test(keyName) &&
    !/^(host|cookie|content-.*|transfer-encoding|connection|proxy-.*)$/i.test(keyName)
  if (settings.authentication === 'api_key' && keyName !== '' && !isFree) {
    faults.push({ path: '/settings/key_name', message: 'Enter a name that a key can have, such as X-API-Key.' })
  }
  return faults
}
