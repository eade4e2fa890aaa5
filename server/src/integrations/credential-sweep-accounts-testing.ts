import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { type Canaries, startImapMirror, type startMirror } from './credential-canaries-testing.ts'
import type { IntegrationType } from './integration-type.ts'
import { createGithubType } from './types/github/github-type.ts'
import { createSlackType } from './types/slack/slack-type.ts'
import { startSmtpServer } from './types/smtp/smtp-server-testing.ts'
import { createWebSearchType } from './types/web_search/web-search-type.ts'
import { createWebhookSecret } from './types/webhook/sign-webhook.ts'

export interface SweptAccount {
  settings: Record<string, unknown>
  credentials: Record<string, unknown>
  /** Tools that are used, with their inputs. */
  calls: Record<string, object>
}

export interface SweptType {
  /** In place of the registered one, where that would leave this machine. */
  type?: IntegrationType
  accounts: SweptAccount[]
  /** The secrets never leave this server: they sign. */
  isKept?: boolean
}

type Mirror = Awaited<ReturnType<typeof startMirror>>

/** Accounts of every registered type at hostile servers, with a canary in every credential there is. */
export async function createSweptTypes({ plant, add }: Canaries, mirror: Mirror): Promise<Record<string, SweptType>> {
  const { url } = mirror
  const { host } = new URL(url)
  const http = (auth: string, more: object = {}): SweptAccount => ({
    settings: { hosts: [host], allow_http: true, auth, test_url: `${url}/test`, ...more },
    credentials: { secret: plant(`http ${auth}`) },
    calls: {
      read_url: { url: `${url}/read` },
      send_request: { method: 'POST', url: `${url}/send`, body: { a: 1 } },
    },
  })
  const openapi = (authentication: string, field: string, more: object = {}): SweptAccount => ({
    settings: { source: 'text', document: echoDocument(url), authentication, ...more },
    credentials: { [field]: plant(`openapi ${authentication} ${JSON.stringify(more)}`) },
    calls: { echo: { q: 'lamp' } },
  })
  const mcp = (authentication: string, field: string, more: object = {}): SweptAccount => ({
    settings: { url: `${url}/mcp`, authentication, ...more },
    credentials: { [field]: plant(`mcp ${authentication}`) },
    calls: {},
  })
  const smtpPassword = plant('smtp')
  const smtp = await startSmtpServer({
    onAuth({ username, password }, _session, callback) {
      if (password !== smtpPassword)
        return callback(Object.assign(new Error(`5.7.8 Not ${username} ${password}`), { responseCode: 535 }))
      callback(null, { user: username })
    },
  })
  const mail = (password: string): SweptAccount => ({
    settings: {
      host: '127.0.0.1',
      port: smtp.port,
      security: 'none',
      user: 'anna@example.com',
      from_address: 'anna@example.com',
    },
    credentials: { password },
    calls: { send_email: { to: ['bob@example.com'], subject: 'Hello', text: 'Hello' } },
  })
  const imap = await startImapMirror()
  const database = await createDatabaseRole(plant('postgresql'))
  return {
    http: { accounts: [http('bearer'), http('basic', { username: 'anna' }), http('header', { header_name: 'X-Key' })] },
    webhook: {
      isKept: true,
      accounts: [
        {
          settings: { url: `${url}/hook`, send_run_ended: true },
          credentials: { secret: add('webhook', createWebhookSecret()) },
          calls: { send_webhook: { event: 'lamp.sold', data: { id: 1 } } },
        },
      ],
    },
    mcp: { accounts: [mcp('bearer', 'token'), mcp('header', 'header_value', { header_name: 'X-Key' })] },
    openapi: {
      accounts: [
        openapi('api_key', 'key', { key_in: 'header', key_name: 'X-Key' }),
        openapi('api_key', 'key', { key_in: 'query', key_name: 'key' }),
        openapi('api_key', 'key', { key_in: 'cookie', key_name: 'key' }),
        openapi('bearer', 'token'),
        openapi('basic', 'password', { username: 'anna' }),
        openapi('client_credentials', 'client_secret', { token_url: `${url}/token`, client_id: 'us' }),
      ],
    },
    smtp: { accounts: [mail(smtpPassword), mail(plant('smtp, wrong'))] },
    imap: {
      accounts: [
        {
          settings: { host: '127.0.0.1', port: imap.port, security: 'none', user: 'anna@example.com' },
          credentials: { password: plant('imap') },
          calls: { list_mailboxes: {}, search_emails: {} },
        },
      ],
    },
    postgresql: {
      isKept: true,
      accounts: [
        database,
        { ...database, credentials: { password: plant('postgresql, wrong') } },
        { ...database, settings: { ...database.settings, port: Number(new URL(url).port) } },
      ],
    },
    slack: {
      type: createSlackType({ baseUrl: `${url}/slack`, authorizeUrl: `${url}/authorize` }),
      accounts: [
        {
          settings: {},
          credentials: { bot_token: add('slack', `xoxb-canary${randomBytes(12).toString('hex')}last`) },
          calls: { list_channels: {}, post_message: { channel: 'general', text: 'Hello' } },
        },
      ],
    },
    github: {
      type: createGithubType({ apiUrl: url, webUrl: url }),
      accounts: [
        {
          settings: { repositories: ['anna/lamps'], api_url: url },
          credentials: { token: add('github', `github_pat_canary${randomBytes(12).toString('hex')}last`) },
          calls: {
            create_issue: { repository: 'anna/lamps', title: 'Dim' },
            list_issues: { repository: 'anna/lamps' },
          },
        },
      ],
    },
    web_search: {
      type: createWebSearchType({ braveUrl: url, tavilyUrl: url }),
      accounts: ['brave', 'tavily'].map((provider) => ({
        settings: { provider },
        credentials: { key: add(provider, `canary${randomBytes(12).toString('hex')}last`) },
        calls: { search_web: { query: 'lamps' } },
      })),
    },
  }
}

function echoDocument(server: string): string {
  const responses = { 200: { description: 'All that came.' } }
  const parameters = [{ name: 'q', in: 'query', schema: { type: 'string' } }]
  return JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Echo', version: '1' },
    servers: [{ url: server }],
    paths: { '/echo': { get: { operationId: 'echo', summary: 'Echo', parameters, responses } } },
  })
}

/** A role on the server of the tests. */
async function createDatabaseRole(password: string): Promise<SweptAccount> {
  const owner = new URL(inject('ownerUrl'))
  // Never the template: nobody could clone it meanwhile.
  owner.pathname = '/postgres'
  const user = `sweep_${randomBytes(6).toString('hex')}`
  const asOwner = async (statement: string) => {
    const client = new pg.Client({ connectionString: owner.href })
    await client.connect()
    await client.query(statement).finally(() => client.end())
  }
  await asOwner(`create role ${user} login password ${pg.escapeLiteral(password)}`)
  onTestFinished(() => asOwner(`drop role ${user}`))
  return {
    settings: {
      host: owner.hostname,
      port: Number(owner.port || 5432),
      database: 'postgres',
      user,
      ssl: 'disable',
    },
    credentials: { password },
    calls: { list_tables: {}, query: { sql: 'select 1 as one' } },
  }
}
