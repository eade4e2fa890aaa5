import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { findFreePort } from '../../server/src/database/find-free-port.ts'

const everything = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js')

export interface McpTestServer {
  url: string
  /** `127.0.0.1:<port>`, as ALLOWED_PRIVATE_HOSTS takes it. */
  host: string
  stop(): Promise<void>
}

/** The official MCP server that has a bit of everything, over HTTP. */
export async function startMcpServer(): Promise<McpTestServer> {
  const port = await findFreePort()
  const child = spawn(process.execPath, [everything, 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  for await (const chunk of child.stderr) {
    said += String(chunk)
    if (said.includes('listening')) break
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    host: `127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGKILL')) await ended
    },
  }
}
