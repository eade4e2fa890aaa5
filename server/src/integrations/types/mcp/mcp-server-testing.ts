import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { createMcpHandler, McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

export const everythingProgram = join(
  import.meta.dirname,
  '../../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
)

export type FetchHandler = (request: Request) => Response | Promise<Response>

/** Serves a handler of the Fetch standard over HTTP for one test. */
export async function serveFetch(handler: FetchHandler): Promise<{ url: string; port: number }> {
  const server = createServer(async (incoming, outgoing) => {
    const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD'
    const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    )
    const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
      method: incoming.method ?? 'GET',
      headers,
      ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' }),
    } as RequestInit)
    const answer = await handler(request)
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers))
    if (!answer.body) return outgoing.end()
    const body = Readable.fromWeb(answer.body as NodeReadableStream)
    body.on('error', () => outgoing.destroy())
    outgoing.on('close', () => body.destroy())
    body.pipe(outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port }
}

/** The official server that has a bit of everything (revision 2025-11-25, with sessions), as its users start it. */
export async function startEverythingServer(): Promise<string> {
  const port = await freePort()
  const child = spawn(process.execPath, [everythingProgram, 'streamableHttp'], {
    env: { PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await ended
  })
  let said = ''
  for await (const chunk of child.stderr) {
    said += String(chunk)
    if (said.includes('listening')) break
  }
  return `http://127.0.0.1:${port}/mcp`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server with tools that show what the client does; `calls` has what reached them. */
export function createShopServer(calls: unknown[] = []): McpServer {
  const server = new McpServer({ name: 'shop', title: 'Shop', version: '3.1.0' })
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  server.registerTool(
    'find_order',
    {
      title: 'Find an order',
      description: 'Finds one order by its number.',
      inputSchema: z.object({ number: z.string() }),
      outputSchema: z.object({ number: z.string(), total: z.number() }),
      annotations: { readOnlyHint: true },
    },
    async ({ number }) => {
      calls.push({ find_order: number })
      const structuredContent = { number, total: 12.5 }
      return { ...text(JSON.stringify(structuredContent)), structuredContent }
    },
  )
  server.registerTool(
    'cancel_order',
    { description: 'Cancels an order.', inputSchema: z.object({ number: z.string() }) },
    async ({ number }) => {
      calls.push({ cancel_order: number })
      return number === 'none' ? { ...text('There is no such order.'), isError: true } : text(`Cancelled ${number}.`)
    },
  )
  return server
}

/** A server of the stateless revision alone: it refuses `initialize`. */
export function statelessHandler(server: () => McpServer = createShopServer): FetchHandler {
  const handler = createMcpHandler(() => server(), { legacy: 'reject' })
  return (request) => handler.fetch(request)
}

/** A server of 2025-11-25 with sessions in memory, which `loseSessions` forgets as a restart does. */
export function sessionHandler(server: () => McpServer = createShopServer, lostStatus = 404) {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const began: string[] = []
  const handler: FetchHandler = async (request) => {
    const id = request.headers.get('mcp-session-id')
    const known = id === null ? undefined : sessions.get(id)
    if (known) return known.handleRequest(request)
    if (id !== null)
      return Response.json(
        { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } },
        { status: lostStatus },
      )
    const transport: WebStandardStreamableHTTPServerTransport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (sessionId) => {
        began.push(sessionId)
        sessions.set(sessionId, transport)
      },
      onsessionclosed: (sessionId) => void sessions.delete(sessionId),
    })
    await server().connect(transport)
    return transport.handleRequest(request)
  }
  return { handler, began, open: () => sessions.size, loseSessions: () => sessions.clear() }
}
