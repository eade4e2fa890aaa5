import { tmpdir } from 'node:os'
import { Validator } from '@cfworker/json-schema'
import { Client, type PriorDiscovery, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { cleanToolSchema } from '../../clean-tool-schema.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { callTimeoutMs } from './mcp-limits.ts'
import type { StdioCommands } from './stdio-commands.ts'

const connectTimeoutMs = 20_000
const maxAnswerBytes = 5_000_000

/** The connection that pays for a call: a client outlives one, and takes fresh tokens and limits from the newest. */
export interface ConnectionSource {
  current: Connection
}

export interface OpenClient {
  client: Client
  /** Ends the session at the server and frees everything; never throws. */
  close(): Promise<void>
  processId: number | null
}

export async function openHttpClient(source: ConnectionSource): Promise<OpenClient> {
  const { settings, credentials, urlGuard } = source.current
  const address = String(settings.url ?? '')
  if (!URL.canParse(address)) throw new ConnectionFailed('refused', 'The address is no web address.')
  const bounded = urlGuard.boundedFetch({ maxBytes: maxAnswerBytes, timeoutMs: callTimeoutMs + 5000, maxRedirects: 0 })
  const transport = new StreamableHTTPClientTransport(new URL(address), {
    requestInit: { headers: fixedHeaders(settings, credentials) },
    // We handle nothing that a server could ask or tell by itself, so the standing stream is not opened; 405 says so.
    fetch: async (url, init) =>
      init?.method === 'GET' && !new Headers(init.headers).has('last-event-id')
        ? new Response(null, { status: 405 })
        : bounded(url, init),
    ...(settings.authentication === 'oauth' && {
      authProvider: { token: async () => await source.current.getAccessToken() },
    }),
  })
  const client = createClient()
  try {
    await client.connect(transport, { timeout: connectTimeoutMs })
  } catch (error) {
    await client.close().catch(() => {})
    throw error
  }
  const close = async () => {
    await transport.terminateSession().catch(() => {})
    await client.close().catch(() => {})
  }
  return { client, close, processId: null }
}

// Which revision a program speaks is found out by starting it once more; it is the same for all users of the program.
const knownEras = new Map<string, { prior: PriorDiscovery; until: number }>()
const eraMs = 10 * 60_000

export async function openStdioClient(name: string, commands: StdioCommands): Promise<OpenClient> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) throw new ConnectionFailed('refused', 'This server has no such program any more. Choose another one.')
  const { command, args, env } = entry
  // Not in the server's own folder, where its data may lie.
  const transport = new StdioClientTransport({
    command,
    args,
    env,
    cwd: tmpdir(),
    stderr: 'ignore',
    maxBufferSize: maxAnswerBytes,
  })
  const client = createClient()
  const era = knownEras.get(command)
  try {
    await client.connect(transport, {
      timeout: connectTimeoutMs,
      ...(era && era.until > Date.now() && { prior: era.prior }),
    })
  } catch (error) {
    knownEras.delete(command)
    await client.close().catch(() => {})
    throw new ConnectionFailed('unreachable', 'The program does not start, or is no MCP server.', error)
  }
  const discover = client.getDiscoverResult()
  knownEras.set(command, {
    prior: discover ? { kind: 'modern', discover } : { kind: 'legacy' },
    until: Date.now() + eraMs,
  })
  return { client, close: () => client.close().catch(() => {}), processId: transport.pid }
}

function createClient(): Client {
  return new Client(
    { name: 'AgentExpress', version: '1' },
    {
      capabilities: {},
      versionNegotiation: { mode: 'auto' },
      inputRequired: { autoFulfill: false },
      listMaxPages: 30,
      // The default one compiles a stranger's schema to code, and runs its patterns.
      jsonSchemaValidator: { getValidator: createValidator },
    },
  )
}

function createValidator<T>(schema: unknown) {
  const cleaned = cleanToolSchema(schema, 100_000)
  const validator = cleaned && new Validator(cleaned as object, '2020-12')
  return (input: unknown) =>
    validator === null || validator.validate(input).valid
      ? { valid: true as const, data: input as T, errorMessage: undefined }
      : { valid: false as const, data: undefined, errorMessage: 'It does not fit the schema.' }
}

function fixedHeaders(
  settings: Connection['settings'],
  credentials: Connection['credentials'],
): Record<string, string> {
  if (settings.authentication === 'bearer') return { authorization: `Bearer ${String(credentials.token ?? '')}` }
  if (settings.authentication !== 'header') return {}
  return { [String(settings.header_name)]: String(credentials.header_value ?? '') }
}
