import type { FastifyReply } from 'fastify'

const heartbeatMs = 15_000
// A reader that has stopped reading is treated as gone before its backlog fills the memory.
const maxBacklogBytes = 4 * 1024 * 1024

/** Server-sent events on a hijacked reply, with a heartbeat; `signal` is aborted when the reader goes away. */
export function openEventStream(reply: FastifyReply, headers: Record<string, string>) {
  const { raw } = reply
  const gone = new AbortController()
  const leave = () => gone.abort()
  reply.hijack()
  raw.on('close', leave)
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    // nginx would hold the stream back until it is whole.
    'x-accel-buffering': 'no',
    ...headers,
  })
  raw.flushHeaders()
  const heartbeat = setInterval(() => raw.write(': heartbeat\n\n'), heartbeatMs)
  return {
    signal: gone.signal,
    send(data: string) {
      if (raw.writableEnded || raw.destroyed) return
      raw.write(`data: ${data}\n\n`)
      if (raw.writableLength > maxBacklogBytes) raw.destroy()
    },
    end() {
      clearInterval(heartbeat)
      raw.off('close', leave)
      if (!raw.writableEnded) raw.end('data: [DONE]\n\n')
    },
  }
}

/** Aborted when the connection closes before the answer is out. */
export function watchCaller(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}
