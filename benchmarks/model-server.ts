import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/*
 * A model that answers at once, in the wire format of OpenAI's chat completions. Written for speed: it is measured along
 * with everything else. The model `slow` takes 200 ms, as a quick provider would. `GET /last-request` gives the body of
 * the last request, so that the bare server can send the same one.
 */

const slowMs = 200
const text = 'Yes. We ship to all of Europe; delivery to Austria costs £9.50 and takes 4 to 7 working days.'
const usage = { prompt_tokens: 1200, completion_tokens: 24, total_tokens: 1224 }
const head = { id: 'chatcmpl-benchmark', created: 1_700_000_000, model: 'instant' }

const answer = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: text }, logprobs: null, finish_reason: 'stop' }],
  usage,
})
const answerHeaders = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) }

const chunk = (choices: unknown[], more: object = {}) =>
  `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`
const delta = (content: object, finish_reason: string | null = null) =>
  chunk([{ index: 0, delta: content, finish_reason }])
const stream = [
  delta({ role: 'assistant', content: '' }),
  ...text.match(/\S+\s*/g)!.map((content) => delta({ content })),
  delta({}, 'stop'),
  chunk([], { usage }),
  'data: [DONE]\n\n',
].join('')

let lastRequest = '{}'

async function respond(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
  if (request.method === 'GET') return void response.end(lastRequest)
  lastRequest = body
  const wanted = JSON.parse(body) as { model: string; stream?: boolean }
  if (wanted.model === 'slow') await sleep(slowMs)
  if (wanted.stream) response.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream)
  else response.writeHead(200, answerHeaders).end(answer)
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (piece: Buffer) => chunks.push(piece))
  request.on('end', () => {
    respond(request, response, Buffer.concat(chunks).toString()).catch((error: Error) => response.destroy(error))
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` })
})
process.on('disconnect', () => process.exit())
