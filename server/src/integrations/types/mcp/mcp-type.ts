import type { Client } from '@modelcontextprotocol/client'
import type { Fault } from '../../../errors.ts'
import { checkUrl } from '../../../url-guard/check-url.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import type { Connection, IntegrationType } from '../../integration-type.ts'
import { documentation } from './mcp-documentation.ts'
import { createSettingsForm, credentialsForm } from './mcp-form.ts'
import { callTimeoutMs } from './mcp-limits.ts'
import type { McpSessions, McpSessionsOptions } from './mcp-sessions.ts'
import { readResult } from './read-result.ts'
import { readTools } from './read-tools.ts'

export interface McpType extends IntegrationType {
  /** Ends all sessions and programs. */
  close(): Promise<void>
}

/** MCP servers over streamable HTTP, and the programs that the operator listed over stdio. */
export function createMcpType(options: McpSessionsOptions): McpType {
  // The library is large and most servers start without anybody using it.
  let opened: Promise<McpSessions> | undefined
  const openSessions = () => {
    opened ??= import('./mcp-sessions.ts').then(({ createMcpSessions }) => createMcpSessions(options))
    return opened
  }
  const use: McpSessions['use'] = async (connection, work) => (await openSessions()).use(connection, work)
  const listedBy = new WeakSet<Client>()

  async function listTools(client: Client, signal: AbortSignal) {
    const { tools } = await client.listTools(undefined, { signal, timeout: callTimeoutMs, cacheMode: 'refresh' })
    listedBy.add(client)
    return tools
  }

  return {
    type: 'mcp',
    title: 'MCP server',
    description: 'Use the tools of any server that speaks the Model Context Protocol.',
    icon: 'plug-connected',
    documentation,
    settings: createSettingsForm(options.stdioCommands),
    credentials: credentialsForm,
    destination: ['transport', 'program', 'url'],
    scopes: [],
    check: ({ settings }) => checkSettings(settings),
    asksForOAuth: ({ authentication }) => authentication === 'oauth',
    oauth: async (connection) => (await import('./mcp-oauth.ts')).findMcpOAuthServer(connection),
    close: async () => await (await opened)?.close(),

    test: (connection) =>
      use(connection, async (client) => {
        const tools = readTools(await listTools(client, connection.signal))
        const server = client.getServerVersion()
        const name = cleanToolText(`${server?.title ?? server?.name ?? 'An MCP server'} ${server?.version ?? ''}`, 100)
        const count = tools.length === 1 ? 'one tool' : `${tools.length} tools`
        return { message: `Connected with ${name.replace(/\s+/g, ' ')}, which has ${count}.` }
      }),

    tools: {
      list: (connection) => use(connection, async (client) => readTools(await listTools(client, connection.signal))),
      call: (connection, name, input) =>
        use(connection, async (client) => {
          // The client checks results by the listed schemas, and sends headers that they ask for.
          if (!listedBy.has(client)) await listTools(client, connection.signal)
          const call = { name, arguments: input as Record<string, unknown> }
          return await callTool(client, call, connection)
        }),
    },
  }
}

async function callTool(
  client: Client,
  call: { name: string; arguments: Record<string, unknown> },
  { signal }: Connection,
) {
  return readResult(await client.callTool(call, { signal, timeout: callTimeoutMs, maxTotalTimeout: callTimeoutMs }))
}

function checkSettings(settings: Record<string, unknown>): Fault[] {
  const faults: Fault[] = []
  if (typeof settings.url === 'string') {
    try {
      checkUrl(settings.url)
    } catch (error) {
      faults.push({
        path: '/settings/url',
        message: error instanceof Error ? error.message : 'This is no web address.',
      })
    }
  }
  if (settings.authentication === 'header' && !isHeaderName(settings.header_name)) {
    faults.push({
      path: '/settings/header_name',
      message: 'Enter the name of a header that may be set, such as X-API-Key.',
    })
  }
  return faults
}

// Token characters of RFC 9110; the protocol's own headers and the ones that frame the message are not the user's.
const isHeaderName = (name: unknown) =>
  typeof name === 'string' &&
  /^[\w!#$%&'*+.^`|~-]{1,100}$/.test(name) &&
  !/^(host|connection|content-.*|transfer-encoding|upgrade|te|trailer|expect|accept|accept-encoding|cookie2?|mcp-.*|proxy-.*)$/i.test(
    name,
  )
