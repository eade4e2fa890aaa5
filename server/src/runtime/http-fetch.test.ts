import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, expect, test } from 'vitest'
import { createModelFetch, setCallTimeouts } from './http-fetch.ts'

const closings: (() => Promise<void>)[] = []
const fetch = createModelFetch({ maxResponseBytes: 1000, connectTimeoutMs: 500 })

afterEach(async () => {
  for (const close of closings.splice(0)) await close()
})
afterAll(() => fetch.close())

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closings.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const jsonHead = { 'content-type': 'application/json', 'x-request-id': 'r1' }
const sseHead = { 'content-type': 'text/event-stream' }

test('gives back status, headers and body of an answer', async () => {
  const url = await serve((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      response.writeHead(418, jsonHead)
      response.end(JSON.stringify({ method: request.method, path: request.url, body, key: request.headers['x-key'] }))
    })
  })
  const response = await fetch(`${url}/a/b?c=1`, { method: 'POST', headers: { 'x-key': 'k' }, body: 'h\u00e9llo' })
  expect(response.status).toBe(418)
  expect(response.ok).toBe(false)
  expect(response.headers.get('X-Request-Id')).toBe('r1')
  expect(Object.fromEntries([...response.headers])).toMatchObject(jsonHead)
  expect(await response.json()).toEqual({ method: 'POST', path: '/a/b?c=1', body: 'h\u00e9llo', key: 'k' })
})

test('keeps connections open for the requests that follow', async () => {
  const ports = new Set<number>()
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort ?? 0)
    response.writeHead(200, jsonHead).end('{}')
  })
  for (let i = 0; i < 20; i++) await (await fetch(url)).text()
  // The next request may start before the connection of the last is free again.
  expect(ports.size).toBeLessThanOrEqual(2)
})

test('hands over an event stream piece by piece', async () => {
  let finish = () => {}
  const url = await serve((_request, response) => {
    response.writeHead(200, sseHead)
    response.write('data: 1\n\n')
    finish = () => response.end('data: 2\n\n')
  })
  const response = await fetch(url)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  expect(await reader?.read()).toEqual({ done: false, value: 'data: 1\n\n' })
  finish()
  expect(await reader?.read()).toEqual({ done: false, value: 'data: 2\n\n' })
  expect(await reader?.read()).toEqual({ done: true, value: undefined })
})

test('holds back a stream that nobody reads instead of filling the memory', async () => {
  const roomy = createModelFetch({ maxResponseBytes: 500_000_000 })
  let written = 0
  const url = await serve((_request, response) => {
    response.writeHead(200, sseHead)
    const timer = setInterval(() => {
      while (written < 400_000_000 && response.write(Buffer.alloc(1_000_000))) written += 1_000_000
    }, 1)
    response.on('close', () => clearInterval(timer))
  })
  const response = await roomy(url)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(written).toBeLessThan(50_000_000)
  await response.body?.cancel()
  await roomy.close()
})

test('refuses an answer that is too large', async () => {
  const url = await serve((_request, response) => response.writeHead(200, jsonHead).end('x'.repeat(2000)))
  await expect(fetch(url)).rejects.toThrow(/size/i)
  const streaming = await serve((_request, response) => response.writeHead(200, sseHead).end('x'.repeat(2000)))
  const response = await fetch(streaming)
  await expect(response.text()).rejects.toThrow()
})

test('ends a request that waits, and one that reads, when the signal aborts', async () => {
  let closed = 0
  const url = await serve((request, response) => {
    response.on('close', () => closed++)
    if (request.url === '/stream') response.writeHead(200, sseHead).write('data: 1\n\n')
  })
  const waiting = new AbortController()
  setTimeout(() => waiting.abort('why'), 50)
  await expect(fetch(url, { signal: waiting.signal })).rejects.toMatchObject({ name: 'AbortError' })
  const reading = new AbortController()
  const response = await fetch(`${url}/stream`, { signal: reading.signal })
  setTimeout(() => reading.abort(), 50)
  await expect(response.text()).rejects.toMatchObject({ name: 'AbortError' })
  await expect.poll(() => closed).toBe(2)
})

test('closes the connection when the reader of a stream stops', async () => {
  let isClosed = false
  const url = await serve((_request, response) => {
    response.on('close', () => {
      isClosed = true
    })
    response.writeHead(200, sseHead).write('data: 1\n\n')
  })
  const response = await fetch(url)
  await response.body?.cancel()
  await expect.poll(() => isClosed).toBe(true)
})

test('obeys the timeouts that were set for the signal', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/idle') response.writeHead(200, sseHead).write('data: 1\n\n')
  })
  const { signal } = new AbortController()
  setCallTimeouts(signal, { firstByteMs: 100, idleMs: 100 })
  await expect(fetch(url, { signal })).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
  const response = await fetch(`${url}/idle`, { signal })
  await expect(response.text()).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' })
})

test('does not follow a redirect', async () => {
  let visits = 0
  const elsewhere = await serve((_request, response) => {
    visits++
    response.end()
  })
  const url = await serve((_request, response) => response.writeHead(302, { location: elsewhere }).end())
  expect((await fetch(url, { headers: { authorization: 'Bearer secret' } })).status).toBe(302)
  expect(visits).toBe(0)
})

test('refuses a web page with a success status', async () => {
  const url = await serve((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'))
  await expect(fetch(url)).rejects.toThrow('Status 200 with text/html instead of JSON')
})

test('fails at once where nothing listens', async () => {
  await expect(fetch('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
