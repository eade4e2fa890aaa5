import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestReply, TestRequest, WireAnswer, WireFormat } from './test-reply.ts'

const defaultUsage = { input: 12, output: 5 }
const streamHeaders = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
let callNumber = 0

/** Answers one request as the reply says, in the words of the format. */
export async function sendReply(response: ServerResponse, format: WireFormat, request: TestRequest, reply: TestReply) {
  switch (reply.kind) {
    case 'text':
    case 'tool-calls':
      return sendAnswer(response, format, request, reply)
    case 'error':
      return sendJson(response, reply.status, format.error(reply.status, reply.type, reply.message), reply.headers)
    case 'quota-exceeded': {
      const { status, body } = format.quotaExceeded()
      return sendJson(response, status, body)
    }
    case 'context-exceeded': {
      const { status, body } = format.contextExceeded()
      return sendJson(response, status, body)
    }
    case 'stream-error': {
      if (!request.isStream) return sendJson(response, 503, format.error(503, undefined, undefined))
      response.writeHead(200, streamHeaders)
      if (reply.afterText) writeBeginning(response, format, request, reply.afterText)
      return response.end(format.streamError())
    }
    case 'cut':
      return sendCut(response, format, request, reply.afterText ?? '')
    case 'end-early':
      response.writeHead(200, request.isStream ? streamHeaders : { 'content-type': 'application/json' })
      writeBeginning(response, format, request, reply.afterText)
      return response.end()
    case 'hang':
      return
    case 'stall':
      response.writeHead(200, request.isStream ? streamHeaders : { 'content-type': 'application/json' })
      return writeBeginning(response, format, request, reply.afterText)
    case 'drip':
      return sendDrip(response, format, request, reply)
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      return response.end('<!doctype html><title>Sign in</title><p>Please sign in to use this network.</p>')
    case 'invalid-json':
      response.writeHead(200, request.isStream ? streamHeaders : { 'content-type': 'application/json' })
      return response.end(request.isStream ? 'data: {"choices":[{"delta":\n\n' : '{"choices":[{"message":')
    case 'redirect':
      response.writeHead(307, { location: reply.to })
      return response.end()
    case 'raw':
      response.writeHead(reply.status, reply.headers)
      return response.end(reply.body)
  }
}

async function sendAnswer(
  response: ServerResponse,
  format: WireFormat,
  request: TestRequest,
  reply: Extract<TestReply, { kind: 'text' | 'tool-calls' }>,
) {
  const answer = toAnswer(reply)
  if (reply.kind === 'text' && reply.delayMs) await sleep(reply.delayMs)
  if (!request.isStream) return sendJson(response, 200, format.answer(request, answer))
  response.writeHead(200, streamHeaders)
  const frames = format.stream(request, answer, true)
  if (reply.kind === 'tool-calls' || !reply.chunkDelayMs) return response.end(frames.join(''))
  for (const frame of frames) {
    if (response.destroyed) return
    response.write(frame)
    await sleep(reply.chunkDelayMs)
  }
  response.end()
}

function toAnswer(reply: Extract<TestReply, { kind: 'text' | 'tool-calls' }>): WireAnswer {
  const usage = reply.usage ?? defaultUsage
  if (reply.kind === 'text') return { text: reply.text, calls: [], finish: reply.finishReason ?? 'stop', usage }
  const calls = reply.calls.map((call) => ({ ...call, id: call.id ?? `call_test_${++callNumber}` }))
  return { text: reply.text ?? '', calls, finish: 'tool-calls', usage }
}

function writeBeginning(response: ServerResponse, format: WireFormat, request: TestRequest, text: string) {
  const answer: WireAnswer = { text, calls: [], finish: 'stop', usage: defaultUsage }
  if (request.isStream) response.write(format.stream(request, answer, false).join(''))
  else response.write(JSON.stringify(format.answer(request, answer)).slice(0, -20))
}

function sendCut(response: ServerResponse, format: WireFormat, request: TestRequest, text: string) {
  response.writeHead(200, request.isStream ? streamHeaders : { 'content-type': 'application/json' })
  if (text !== '') writeBeginning(response, format, request, text)
  // In the middle of a JSON text; the pause lets what came before arrive, as it would over a network.
  response.write('data: {"id":"cu', () => setTimeout(() => response.destroy(), 20))
}

async function sendDrip(
  response: ServerResponse,
  format: WireFormat,
  request: TestRequest,
  reply: Extract<TestReply, { kind: 'drip' }>,
) {
  const answer: WireAnswer = { text: reply.text, calls: [], finish: 'stop', usage: defaultUsage }
  response.writeHead(200, request.isStream ? streamHeaders : { 'content-type': 'application/json' })
  const whole = request.isStream
    ? format.stream(request, answer, true).join('')
    : JSON.stringify(format.answer(request, answer))
  for (const byte of Buffer.from(whole)) {
    if (response.destroyed) return
    response.write(Buffer.of(byte))
    await sleep(reply.intervalMs)
  }
  response.end()
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}
