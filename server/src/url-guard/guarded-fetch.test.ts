import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { hostileAddresses } from './hostile-addresses-testing.ts'
import type { Lookup } from './resolve-host.ts'
import { guardWith, refused, serve } from './url-guard-testing.ts'

const readWhole = async (answer: Promise<Response>) => (await answer).text()

describe('addresses that are refused without a connection', () => {
  test.each(hostileAddresses)('%s is refused: %s', async (url, reason) => {
    expect(await refused(guardWith().guardedFetch(url))).toBe(reason)
  })

  test('also as a Request or an URL', async () => {
    const { guardedFetch } = guardWith()
    expect(await refused(guardedFetch(new Request('http://169.254.169.254/')))).toBe('private-address')
    expect(await refused(guardedFetch(new URL('http://[::ffff:7f00:1]/')))).toBe('private-address')
  })
})

describe('names', () => {
  const answers: string[][] = [
    ['127.0.0.1'],
    ['::1'],
    ['169.254.169.254'],
    ['::ffff:10.0.0.1'],
    ['64:ff9b::a00:1'],
    ['93.184.216.34', '10.0.0.1'],
    ['2606:2800:21f::1', 'fe80::1'],
    ['nonsense'],
  ]
  test.each(answers)('a name that leads to %s %s is refused', async (...addresses) => {
    const found = addresses.filter(Boolean)
    const lookup: Lookup = async () => found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    expect(await refused(guardWith({ lookup }).guardedFetch('http://innocent.example/'))).toBe('private-address')
  })

  test('the connection goes to the address that was checked, and the next request is checked anew', async () => {
    const server = await serve((_request, response) => response.end('hello'))
    const answers = ['127.0.0.1', '10.0.0.1', '127.0.0.1']
    let asked = 0
    const lookup: Lookup = async () => [{ address: answers[asked++] ?? '', family: 4 }]
    const { guardedFetch } = guardWith({ lookup, allowedPrivateHosts: ['127.0.0.0/8'] })
    const url = `http://rebinding.example:${server.port}/`
    expect(await readWhole(guardedFetch(url))).toBe('hello')
    expect(await refused(guardedFetch(url))).toBe('private-address')
    expect(asked).toBe(2)
  })

  test('no socket is used twice, so none outlives its check', async () => {
    const server = await serve((request, response) => response.end(String(request.socket.remotePort)))
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    const ports = [await readWhole(guardedFetch(server.url)), await readWhole(guardedFetch(server.url))]
    expect(new Set(ports).size).toBe(2)
  })
})

describe('redirects', () => {
  const targets = [
    'http://127.0.0.1:1/',
    'http://169.254.169.254/latest/',
    'http://[::1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://localhost/',
    '//10.0.0.1/',
    '\\\\10.0.0.1\\',
    'http://2130706433:81/',
    'http://0x7f.1/',
    'http://8.8.8.8:25/',
  ]
  test.each(targets)('to %s are refused', async (location) => {
    const server = await serve((_request, response) => response.writeHead(302, { location }).end())
    const reason = await refused(guardWith({ allowedPrivateHosts: [server.host] }).guardedFetch(server.url))
    expect(['private-address', 'host', 'port']).toContain(reason)
  })

  test.each(['file:///etc/passwd', 'gopher://x/', 'http://u:p@example.com/', 'data:,x'])(
    'to %s are refused',
    async (location) => {
      const server = await serve((_request, response) => response.writeHead(307, { location }).end())
      const reason = await refused(guardWith({ allowedPrivateHosts: [server.host] }).guardedFetch(server.url))
      expect(['scheme', 'user-info']).toContain(reason)
    },
  )

  test('to another origin lose every credential and never carry a body', async () => {
    const second = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const first = await serve((request, response) =>
      response.writeHead(request.method === 'POST' ? 308 : 302, { location: second.url }).end(),
    )
    const { guardedFetch } = guardWith({ allowedPrivateHosts: ['127.0.0.1'] })
    const headers = { authorization: 'Bearer canary', 'x-api-key': 'canary', 'mcp-session-id': 'canary' }
    expect(await readWhole(guardedFetch(first.url, { headers }))).not.toContain('canary')
    expect(await refused(guardedFetch(first.url, { method: 'POST', body: 'canary' }))).toBe('redirect')
    expect(second.seen).toHaveLength(1)
  })

  test('within the origin carry a whole body again, but not one that was a stream', async () => {
    const server = await serve(async (request, response) => {
      if (request.url === '/from') return response.writeHead(307, { location: '/to' }).end()
      const chunks = await Array.fromAsync(request)
      response.end(Buffer.concat(chunks as Buffer[]))
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    const answer = await guardedFetch(`${server.url}/from`, { method: 'POST', body: 'again' })
    expect([await answer.text(), answer.redirected, answer.url]).toEqual(['again', true, `${server.url}/to`])
    const body = new Blob(['once']).stream()
    const streamed = guardedFetch(`${server.url}/from`, { method: 'POST', body, duplex: 'half' } as RequestInit)
    expect(await refused(streamed)).toBe('redirect')
  })

  test('are the answer when the caller says manual, refused when it says error, and limited', async () => {
    const server = await serve((_request, response) => response.writeHead(302, { location: '/' }).end())
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    const answer = await guardedFetch(server.url, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/'])
    expect(await refused(guardedFetch(server.url, { redirect: 'error' }))).toBe('redirect')
    expect(await refused(guardedFetch(server.url))).toBe('too-many-redirects')
  })
})

describe('size and time', () => {
  const zeros = Buffer.alloc(50_000_000)
  const fastBrotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
  const bombs: [name: string, bomb: () => Buffer][] = [
    ['gzip', () => gzipSync(zeros, { level: 1 })],
    ['deflate', () => deflateSync(zeros, { level: 1 })],
    ['br', () => brotliCompressSync(zeros, fastBrotli)],
    ['gzip, gzip', () => gzipSync(gzipSync(zeros, { level: 1 }))],
    ['identity', () => zeros.subarray(0, 1_000_000)],
  ]
  test.each(bombs)('a bomb packed as %s fails as soon as it grows over the limit', async (encoding, bomb) => {
    const packed = bomb()
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(packed),
    )
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    expect(await refused(readWhole(guardedFetch(server.url)))).toBe('too-large')
  })

  test('an endless body ends at the limit, and the server is hung up on', async () => {
    let isClosed = false
    const server = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1)
      response.on('close', () => {
        isClosed = true
        clearInterval(timer)
      })
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    expect(await refused(readWhole(guardedFetch(server.url)))).toBe('too-large')
    await expect.poll(() => isClosed).toBe(true)
  })

  test.each(['gzip', 'zstd', 'gzip, gzip, gzip'])('a body that falsely says %s fails clearly', async (encoding) => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end('plain'),
    )
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    expect(await refused(readWhole(guardedFetch(server.url)))).toBe('encoding')
  })

  test('a packed body that breaks off is not taken for the whole', async () => {
    const packed = gzipSync(Buffer.from('a'.repeat(500) + Math.random()))
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed.subarray(0, packed.length - 12)),
    )
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    expect(await refused(readWhole(guardedFetch(server.url)))).toBe('encoding')
  })

  test('a body shorter than its content-length is not taken for the whole', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('short')
      setTimeout(() => response.destroy(), 20)
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    expect(await refused(readWhole(guardedFetch(server.url)))).toBe('network')
  })

  test.each(['headers', 'body', 'drip'])(
    'a server that is slow in the %s is left when the time is over',
    async (where) => {
      const server = await serve((_request, response) => {
        if (where !== 'headers') response.write('begin')
        if (where !== 'drip') return
        const timer = setInterval(() => response.write('.'), 20)
        response.on('close', () => clearInterval(timer))
      })
      const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host], timeoutMs: 150 })
      expect(await refused(readWhole(guardedFetch(server.url)))).toBe('timeout')
    },
  )

  test('a body that nobody reads does not hold its socket for longer than the time limit', async () => {
    let isClosed = false
    const server = await serve((_request, response) => {
      response.on('close', () => {
        isClosed = true
      })
      response.write('x'.repeat(1_000_000))
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host], timeoutMs: 100 })
    const answer = await guardedFetch(server.url)
    await expect.poll(() => isClosed).toBe(true)
    expect(await refused(answer.text())).toBe('timeout')
  })

  test('a name lookup and a request body that never end are left when the time is over', async () => {
    const slowNames = guardWith({ timeoutMs: 50, lookup: () => new Promise(() => {}) })
    expect(await refused(slowNames.guardedFetch('http://slow.example/'))).toBe('timeout')
    const server = await serve(() => {})
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host], timeoutMs: 100 })
    const init = { method: 'POST', body: new ReadableStream({ pull: () => new Promise(() => {}) }), duplex: 'half' }
    expect(await refused(guardedFetch(server.url, init as RequestInit))).toBe('timeout')
  })

  test('other bounds can be set for one purpose', async () => {
    const server = await serve((_request, response) => response.end('x'.repeat(200_000)))
    const guard = guardWith({ allowedPrivateHosts: [server.host] })
    expect((await readWhole(guard.boundedFetch({ maxBytes: 300_000 })(server.url))).length).toBe(200_000)
    expect(await refused(readWhole(guard.boundedFetch({ maxBytes: 1000 })(server.url)))).toBe('too-large')
  })
})

describe('as fetch', () => {
  test('events of a stream arrive while the answer goes on, packed or not', async () => {
    const server = await serve((request, response) => {
      const isPacked = request.url === '/packed'
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        ...(isPacked && { 'content-encoding': 'gzip' }),
      })
      const out = isPacked ? createGzip({ flush: constants.Z_SYNC_FLUSH }) : response
      if (out !== response) (out as ReturnType<typeof createGzip>).pipe(response)
      out.write('data: first\n\n')
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    for (const path of ['/plain', '/packed']) {
      const answer = await guardedFetch(server.url + path)
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
      expect((await reader?.read())?.value).toBe('data: first\n\n')
      await reader?.cancel()
    }
  })

  test('a request body is streamed as it is made', async () => {
    let first = ''
    const server = await serve((request, response) => {
      request.once('data', (chunk) => {
        first = String(chunk)
      })
      request.on('end', () => response.end('done'))
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    let finish = () => {}
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('one'))
        finish = () => controller.close()
      },
    })
    const answer = guardedFetch(server.url, { method: 'POST', body, duplex: 'half' } as RequestInit)
    await expect.poll(() => first).toBe('one')
    finish()
    expect(await readWhole(answer)).toBe('done')
  })

  test('forms, searches and JSON are sent with their types and length', async () => {
    const server = await serve(async (request, response) => {
      const body = Buffer.concat((await Array.fromAsync(request)) as Buffer[]).toString()
      response.end(
        JSON.stringify({ type: request.headers['content-type'], length: request.headers['content-length'], body }),
      )
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    const form = new FormData()
    form.set('name', 'value')
    const send = async (body: BodyInit) => (await guardedFetch(server.url, { method: 'POST', body })).json()
    expect(await send(new URLSearchParams({ a: 'b' }))).toEqual({
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
      length: '3',
      body: 'a=b',
    })
    expect((await send(form)).type).toMatch(/^multipart\/form-data; boundary=/)
    expect((await send('{}')).body).toBe('{}')
  })

  test('an abort ends request and body with the reason of the caller, at any time', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/body') response.write('begin')
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    const early = guardedFetch(server.url, { signal: AbortSignal.abort(new Error('too late')) })
    await expect(early).rejects.toThrow('too late')
    const abort = new AbortController()
    const waiting = guardedFetch(server.url, { signal: abort.signal })
    const answer = await guardedFetch(`${server.url}/body`, { signal: abort.signal })
    const ends = Promise.allSettled([waiting, answer.text()])
    setTimeout(() => abort.abort(new Error('the run was cancelled')), 30)
    const cancelled = { status: 'rejected', reason: new Error('the run was cancelled') }
    expect(await ends).toEqual([cancelled, cancelled])
  })

  test('statuses without a body, HEAD, several cookies and the host header are as the standard says', async () => {
    const server = await serve((request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.writeHead(request.url === '/empty' ? 204 : 200, { 'x-host': request.headers.host }).end()
    })
    const { guardedFetch } = guardWith({ allowedPrivateHosts: [server.host] })
    const empty = await guardedFetch(`${server.url}/empty`)
    expect([empty.status, empty.body]).toEqual([204, null])
    const head = await guardedFetch(server.url, { method: 'HEAD', headers: { host: 'other.example' } })
    expect([head.headers.get('x-host'), head.headers.getSetCookie()]).toEqual([server.host, ['a=1', 'b=2']])
  })

  test('a status that means nothing and a closed port are failures', async () => {
    const server = await serve((_request, response) => response.writeHead(999).end())
    const { guardedFetch } = guardWith({ allowedPrivateHosts: ['127.0.0.1'] })
    expect(await refused(guardedFetch(server.url))).toBe('network')
    expect(await refused(guardedFetch('http://127.0.0.1:1/'))).toBe('network')
  })
})
