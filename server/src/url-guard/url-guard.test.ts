import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { hostileAddresses } from './hostile-addresses-testing.ts'
import type { Lookup } from './resolve-host.ts'
import { guardWith, refused, serve } from './url-guard-testing.ts'

describe('addresses that are refused without a connection', () => {
  test.each(hostileAddresses)('%s is refused: %s', async (url, reason) => {
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
