import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { Lookup } from './resolve-host.ts'
import { createUrlGuard, type UrlGuardOptions } from './url-guard.ts'
import { UrlFetchFailed, UrlRefused } from './url-refused.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  const port = (server.address() as AddressInfo).port
  return { port, url: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}`, seen }
}

const noLookup: Lookup = async (hostname) => {
  throw new Error(`must not be looked up: ${hostname}`)
}

function guardWith(options: Partial<UrlGuardOptions> = {}) {
  return createUrlGuard({
    allowedPrivateHosts: [],
    maxBytes: 100_000,
    timeoutMs: 3000,
    maxRedirects: 3,
    lookup: noLookup,
    ...options,
  })
}

const refused = (fetching: Promise<unknown>) =>
  fetching.then(
    () => 'fetched',
    (error: unknown) => (error instanceof UrlRefused || error instanceof UrlFetchFailed ? error.reason : error),
  )

const refusedBySpelling: [url: string, reason: string][] = [
  ['http://127.0.0.1/', 'private-address'],
  ['http://127.0.0.1:3000/', 'private-address'],
  ['http://127.1/', 'private-address'],
  ['http://127.255.255.254/', 'private-address'],
  ['http://0/', 'private-address'],
  ['http://0.0.0.0/', 'private-address'],
  ['http://0.1.2.3/', 'private-address'],
  ['http://2130706433/', 'private-address'],
  ['http://0x7f000001/', 'private-address'],
  ['http://0x7f.0.0.1/', 'private-address'],
  ['http://0177.0.0.1/', 'private-address'],
  ['http://017700000001/', 'private-address'],
  ['http://127.0.0.1./', 'private-address'],
  ['http://127。0。0。1/', 'private-address'],
  ['http://１２７.0.0.1/', 'private-address'],
  ['http://①②⑦.⓪.⓪.①/', 'private-address'],
  ['http://%31%32%37.0.0.1/', 'private-address'],
  ['http://10.0.0.1/', 'private-address'],
  ['http://10.255.255.255/', 'private-address'],
  ['http://172.16.0.1/', 'private-address'],
  ['http://172.31.255.255/', 'private-address'],
  ['http://192.168.1.1/', 'private-address'],
  ['http://169.254.169.254/latest/meta-data/', 'private-address'],
  ['http://2852039166/', 'private-address'],
  ['http://0xa9fea9fe/', 'private-address'],
  ['http://100.64.0.1/', 'private-address'],
  ['http://100.127.255.255/', 'private-address'],
  ['http://192.0.0.1/', 'private-address'],
  ['http://192.0.2.1/', 'private-address'],
  ['http://192.88.99.1/', 'private-address'],
  ['http://198.18.0.1/', 'private-address'],
  ['http://198.19.255.255/', 'private-address'],
  ['http://198.51.100.1/', 'private-address'],
  ['http://203.0.113.1/', 'private-address'],
  ['http://224.0.0.1/', 'private-address'],
  ['http://240.0.0.1/', 'private-address'],
  ['http://255.255.255.255/', 'private-address'],
  ['http://[::1]/', 'private-address'],
  ['http://[::]/', 'private-address'],
  ['http://[0:0:0:0:0:0:0:1]/', 'private-address'],
  ['http://[::ffff:127.0.0.1]/', 'private-address'],
  ['http://[::ffff:7f00:1]/', 'private-address'],
  ['http://[::ffff:8.8.8.8]/', 'private-address'],
  ['http://[::ffff:0:127.0.0.1]/', 'private-address'],
  ['http://[::127.0.0.1]/', 'private-address'],
  ['http://[64:ff9b::7f00:1]/', 'private-address'],
  ['http://[64:ff9b:1::1]/', 'private-address'],
  ['http://[100::1]/', 'private-address'],
  ['http://[2001::1]/', 'private-address'],
  ['http://[2001:db8::1]/', 'private-address'],
  ['http://[2002:7f00:1::]/', 'private-address'],
  ['http://[3fff::1]/', 'private-address'],
  ['http://[fc00::1]/', 'private-address'],
  ['http://[fd12:3456:789a::1]/', 'private-address'],
  ['http://[fe80::1]/', 'private-address'],
  ['http://[fec0::1]/', 'private-address'],
  ['http://[ff02::1]/', 'private-address'],
  ['http://[fe80::1%25eth0]/', 'invalid-url'],
  ['http://localhost/', 'host'],
  ['http://LOCALHOST/', 'host'],
  ['http://localhost./', 'host'],
  ['http://foo.localhost/', 'host'],
  ['http://printer.local/', 'host'],
  ['http://metadata.google.internal/', 'host'],
  ['http://nas.home.arpa/', 'host'],
  ['file:///etc/passwd', 'scheme'],
  ['gopher://example.com/', 'scheme'],
  ['ftp://example.com/', 'scheme'],
  ['data:text/html,hello', 'scheme'],
  ['javascript:alert(1)', 'scheme'],
  ['ws://example.com/', 'scheme'],
  ['blob:http://example.com/1', 'scheme'],
  ['http://user:secret@example.com/', 'user-info'],
  ['http://example.com@127.0.0.1/', 'user-info'],
  ['http://:x@example.com/', 'user-info'],
  ['//example.com/', 'invalid-url'],
  ['example.com', 'invalid-url'],
  ['', 'invalid-url'],
  ['http://', 'invalid-url'],
  ['http://999.1.1.1/', 'invalid-url'],
  ['http://exa mple.com/', 'invalid-url'],
  [' http://example.com/', 'invalid-url'],
  ['http://exam\tple.com/', 'invalid-url'],
  ['http://example.com/\r\nHost: evil', 'invalid-url'],
  [`http://example.com/${'a'.repeat(2048)}`, 'invalid-url'],
  ['http://8.8.8.8:22/', 'port'],
  ['http://8.8.8.8:25/', 'port'],
  ['https://8.8.8.8:0/', 'port'],
]

describe('addresses that are refused without a connection', () => {
  test.each(refusedBySpelling)('%s is refused: %s', async (url, reason) => {
    expect(await refused(guardWith().fetch(url))).toBe(reason)
  })
})

describe('names', () => {
  const privateAnswers = [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    'fd00::1',
    '::ffff:192.168.0.1',
    'nonsense',
  ]
  test.each(privateAnswers)('a name that leads to %s is refused', async (address) => {
    const family = address.includes(':') ? 6 : 4
    const guard = guardWith({ lookup: async () => [{ address, family }] })
    expect(await refused(guard.fetch('http://innocent.example/'))).toBe('private-address')
  })

  test('one private address among public ones is enough to refuse', async () => {
    const lookup: Lookup = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ]
    expect(await refused(guardWith({ lookup }).fetch('http://mixed.example/'))).toBe('private-address')
  })

  test('the refusal does not tell the private address', async () => {
    const guard = guardWith({ lookup: async () => [{ address: '10.77.66.55', family: 4 }] })
    await expect(guard.fetch('http://inside.example/')).rejects.toThrow(
      /^inside\.example is not on the public internet\.$/,
    )
  })

  test('a name that cannot be found is a failure, not a refusal', async () => {
    expect(await refused(guardWith().fetch('http://nowhere.example/'))).toBe('unknown-host')
  })

  test('the connection goes to the address that was checked: a name is asked once, whatever it says later', async () => {
    const server = await serve((_request, response) => response.end('hello'))
    let asked = 0
    const lookup: Lookup = async () => {
      asked++
      return [{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
    }
    const guard = guardWith({ lookup, allowedPrivateHosts: ['127.0.0.0/8'] })
    const answer = await guard.fetch(`http://rebinding.example:${server.port}/`)
    expect(answer.body.toString()).toBe('hello')
    expect(asked).toBe(1)
    expect(server.seen[0]?.headers.host).toBe(`rebinding.example:${server.port}`)
  })

  test('a name that turns private between two requests is refused at the second', async () => {
    const server = await serve((_request, response) => response.end('hello'))
    let address = '127.0.0.1'
    const guard = guardWith({
      lookup: async () => [{ address, family: 4 }],
      allowedPrivateHosts: ['127.0.0.1/32'],
    })
    await guard.fetch(`http://turning.example:${server.port}/`)
    address = '192.168.0.1'
    expect(await refused(guard.fetch(`http://turning.example:${server.port}/`))).toBe('private-address')
  })

  test('the time limit also ends a name lookup that never answers', async () => {
    const guard = guardWith({ timeoutMs: 50, lookup: () => new Promise(() => {}) })
    expect(await refused(guard.fetch('http://slow.example/'))).toBe('timeout')
  })
})

describe('what the operator allows', () => {
  test('a host with a port opens that port alone', async () => {
    const server = await serve((_request, response) => response.end('inside'))
    const guard = guardWith({ allowedPrivateHosts: [server.host] })
    expect((await guard.fetch(server.url)).body.toString()).toBe('inside')
    expect(await refused(guard.fetch(`http://127.0.0.1:${server.port === 65535 ? 1025 : server.port + 1}/`))).toBe(
      'private-address',
    )
  })

  test('a local name can be allowed', async () => {
    const server = await serve((_request, response) => response.end('inside'))
    const guard = guardWith({
      allowedPrivateHosts: ['models.internal'],
      lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    })
    expect((await guard.fetch(`http://models.internal:${server.port}/`)).status).toBe(200)
  })
})

describe('redirects', () => {
  const targets = [
    'http://127.0.0.1:1/',
    'http://169.254.169.254/latest/',
    'http://[::1]/',
    'http://localhost/',
    '//10.0.0.1/',
    'http://2130706433:81/',
  ]
  test.each(targets)('to %s are refused', async (location) => {
    const server = await serve((_request, response) => response.writeHead(302, { location }).end())
    const reason = await refused(guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url))
    expect(['private-address', 'host', 'port']).toContain(reason)
  })

  test.each(['file:///etc/passwd', 'gopher://x/', 'http://u:p@example.com/'])('to %s are refused', async (location) => {
    const server = await serve((_request, response) => response.writeHead(301, { location }).end())
    const reason = await refused(guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url))
    expect(['scheme', 'user-info']).toContain(reason)
  })

  test('are followed within the same host, with the final address in the answer', async () => {
    const server = await serve((request, response) =>
      request.url === '/a' ? response.writeHead(302, { location: '/b' }).end() : response.end(request.headers['x-key']),
    )
    const guard = guardWith({ allowedPrivateHosts: [server.host] })
    const answer = await guard.fetch(`${server.url}/a`, { headers: { 'x-key': 'kept' } })
    expect([answer.url, answer.body.toString()]).toEqual([`${server.url}/b`, 'kept'])
  })

  test('to another origin lose every credential', async () => {
    const second = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const first = await serve((_request, response) => response.writeHead(302, { location: second.url }).end())
    const guard = guardWith({ allowedPrivateHosts: ['127.0.0.1'] })
    const answer = await guard.fetch(first.url, {
      headers: { Authorization: 'Bearer canary', cookie: 'canary', 'X-API-Key': 'canary', 'accept-language': 'de' },
    })
    expect(first.seen[0]?.headers.authorization).toBe('Bearer canary')
    expect(answer.body.toString()).not.toContain('canary')
    expect(answer.body.toString()).toContain('"accept-language":"de"')
  })

  test('never carry a body to another origin', async () => {
    const second = await serve((_request, response) => response.end())
    const first = await serve((_request, response) => response.writeHead(307, { location: second.url }).end())
    const guard = guardWith({ allowedPrivateHosts: ['127.0.0.1'] })
    expect(await refused(guard.fetch(first.url, { method: 'POST', body: 'canary' }))).toBe('redirect')
    expect(second.seen).toHaveLength(0)
  })

  test('end after the limit', async () => {
    const server = await serve((_request, response) => response.writeHead(302, { location: '/' }).end())
    expect(await refused(guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url))).toBe(
      'too-many-redirects',
    )
    expect(server.seen).toHaveLength(4)
  })
})

describe('size and time', () => {
  test('the body is cut after the limit, also when it never ends', async () => {
    const server = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 1)
      response.on('close', () => clearInterval(timer))
    })
    const answer = await guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url, { maxBytes: 25_000 })
    expect([answer.body.length, answer.isCut]).toEqual([25_000, true])
  })

  test('a compressed bomb is cut by what it unpacks to', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    )
    const answer = await guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url)
    expect([answer.body.length, answer.isCut]).toEqual([100_000, true])
  })

  test('what is compressed comes unpacked', async () => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unpacked')),
    )
    const answer = await guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url)
    expect([answer.body.toString(), answer.isCut]).toEqual(['unpacked', false])
  })

  test.each(['gzip', 'zstd', 'gzip, gzip, gzip'])('a body that falsely says %s fails clearly', async (encoding) => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end('plain'),
    )
    expect(await refused(guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url))).toBe('encoding')
  })

  test.each(['headers', 'body'])('a server that stalls in the %s is left when the time is over', async (where) => {
    const server = await serve((_request, response) => {
      if (where === 'body') response.write('begin')
    })
    const guard = guardWith({ allowedPrivateHosts: [server.host], timeoutMs: 150 })
    expect(await refused(guard.fetch(server.url))).toBe('timeout')
  })

  test('an abort by the caller ends the request with its own reason', async () => {
    const server = await serve(() => {})
    const abort = new AbortController()
    const fetching = guardWith({ allowedPrivateHosts: [server.host] }).fetch(server.url, { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('the run was cancelled')), 50)
    await expect(fetching).rejects.toThrow('the run was cancelled')
  })

  test('an answer of 500 is an answer; a closed port is a failure', async () => {
    const server = await serve((_request, response) => response.writeHead(500).end('oops'))
    const guard = guardWith({ allowedPrivateHosts: ['127.0.0.1'] })
    expect((await guard.fetch(server.url)).status).toBe(500)
    expect(await refused(guard.fetch('http://127.0.0.1:1/'))).toBe('network')
  })

  test('a caller cannot choose another host by header', async () => {
    const server = await serve((_request, response) => response.end())
    const guard = guardWith({ allowedPrivateHosts: [server.host] })
    await guard.fetch(server.url, { headers: { Host: 'other.example' } })
    expect(server.seen[0]?.headers.host).toBe(server.host)
  })
})
