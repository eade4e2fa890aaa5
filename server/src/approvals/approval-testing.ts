import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inject } from 'vitest'
import { createApp, type Services } from '../app.ts'
import { sealSecret } from '../crypto/seal-secret.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import type { App } from '../http/app-types.ts'
import type { IntegrationTool, IntegrationType, ToolDefinition } from '../integrations/integration-type.ts'
import { listConnectedTools } from '../integrations/list-connected-tools.ts'
import { createLog, type Log } from '../log.ts'
import { createServices } from '../services.ts'
import type { TestUser } from '../testing/test-app.ts'
import type { RunTestApp } from '../user-agents/run-testing.ts'

/** A server on the outside: keeps what is posted to it, and gives out the mails put into it. */
export interface Outside {
  url: string
  posted: { path: string; authorization: string | undefined; body: unknown }[]
  /** What `read_mails` finds. */
  mails: unknown[]
  /** Text of any page that is fetched. */
  page: string
  /** Paths that were fetched. */
  fetched: string[]
  /** Called before a post is answered. */
  onPost: () => Promise<void>
  close(): Promise<void>
}

export async function startOutside(): Promise<Outside> {
  const outside: Outside = {
    url: '',
    posted: [],
    mails: [],
    page: '',
    fetched: [],
    onPost: async () => {},
    close: async () => {},
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const answer = (body: unknown) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      if (request.method === 'GET') {
        outside.fetched.push(request.url ?? '')
        if (request.url === '/mails') return answer(outside.mails)
        return response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(outside.page)
      }
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
      outside.posted.push({ path: request.url ?? '', authorization: request.headers.authorization, body })
      await outside.onPost()
      return answer({ sent: true })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  outside.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  outside.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return outside
}

const mailSchema = {
  type: 'object' as const,
  properties: {
    to: { type: 'string' as const, minLength: 3 },
    subject: { type: 'string' as const },
    text: { type: 'string' as const },
  },
  required: ['to', 'text'],
  additionalProperties: false,
}

/** A kind of account that speaks to that server: one tool that writes, one that reads what strangers wrote. */
export function createMailType(outside: Outside, more: IntegrationTool[] = []): IntegrationType {
  const ask = async (method: 'GET' | 'POST', path: string, token: unknown, body?: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(outside.url + path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    return response.json()
  }
  return {
    type: 'mail',
    title: 'Mail',
    description: 'Sends and reads mails.',
    icon: 'mail',
    documentation: 'None.',
    credentials: { type: 'object', properties: { token: { type: 'string', title: 'Token' } }, required: ['token'] },
    settings: { type: 'object', properties: {}, required: [] },
    destination: [],
    scopes: [],
    test: async () => ({ message: 'It works.' }),
    tools: [
      {
        name: 'send',
        title: 'Send a mail',
        description: 'Sends a mail.',
        inputSchema: mailSchema,
        effect: 'writes',
        isUntrusted: false,
        describeCall: (input) => `Send a mail to ${(input as { to: string }).to}`,
        execute: (input, { credentials }) => ask('POST', '/send', credentials.token, input),
      },
      {
        name: 'read_mails',
        title: 'Read mails',
        description: 'Reads the newest mails.',
        inputSchema: { type: 'object', properties: {}, additionalProperties: false },
        effect: 'reads',
        isUntrusted: true,
        execute: (_input, { credentials }) => ask('GET', '/mails', credentials.token),
      },
      ...more,
    ],
  }
}

/** The services of a server that knows this type. */
export function withTypes(services: Services, integrationTypes: IntegrationType[]): Partial<Services> {
  return {
    integrationTypes,
    listConnectedTools: (claims, userAgentId) =>
      listConnectedTools({ ...services, integrationTypes }, claims, userAgentId),
  }
}

export interface OtherServer {
  app: App
  services: Services
  url: string
  close(): Promise<void>
}

/** One more server on the same database, with a pool and memory of its own. */
export async function startServer(
  testApp: RunTestApp,
  types: IntegrationType[],
  log: Log = createLog('silent'),
): Promise<OtherServer> {
  const { services, serverUrl } = testApp
  const usePreparedStatements = inject('usePreparedStatements')
  const database: Database = openDatabase({ url: serverUrl, poolSize: 5, usePreparedStatements, log })
  const created = createServices({
    config: services.config,
    log,
    database,
    signingKey: services.signingKey,
    keyring: services.keyring,
    nodeId: createId(),
    cancelElsewhere: async () => {},
  })
  const own: Services = { ...created, ...withTypes(created, types) }
  const app = await createApp(own)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    app,
    services: own,
    url,
    async close() {
      await app.close()
      await database.close()
    },
  }
}

/** An account of this type, connected with this token. Answers its id. */
export async function connectTestAccount(
  { services, database }: RunTestApp,
  user: Pick<TestUser, 'id'>,
  userAgentId: string,
  { type = 'mail', token = 'token-of-a-test', permissions = {}, tools = [] }: TestAccount = {},
): Promise<string> {
  const id = createId()
  const { sealed, kid } = await sealSecret(
    services.keyring,
    { purpose: 'integrations.credentials', rowId: id, ownerId: user.id },
    { token },
  )
  await database.asSystem('a test connects an account', (tx) =>
    tx
      .insertInto('integrations')
      .values({
        id,
        user_agent_id: userAgentId,
        type,
        credentials: JSON.stringify(sealed),
        credentials_key_id: kid,
        tool_permissions: JSON.stringify(permissions),
        tools: JSON.stringify(tools),
        tools_listed_at: new Date(),
      })
      .execute(),
  )
  return id
}

interface TestAccount {
  type?: string
  token?: string
  permissions?: Record<string, 'ask' | 'always' | 'never'>
  /** What its server listed. */
  tools?: ToolDefinition[]
}
