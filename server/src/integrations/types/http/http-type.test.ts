import { describe, expect, test } from 'vitest'
import { serve } from '../../../url-guard/url-guard-testing.ts'
import { testConnection } from '../../integration-type-testing.ts'
import { findHostFault, isListed } from './host-list.ts'
import { httpType } from './http-type.ts'

const secret = 'planted-key-1234567890'
const tool = (name: string) => {
  const found = Array.isArray(httpType.tools) ? httpType.tools.find((one) => one.name === name) : undefined
  if (!found) throw new Error(name)
  return found
}

describe('a host', () => {
  test.each([
    ['api.example.com', 'https://api.example.com/x', true],
    ['api.example.com', 'https://API.EXAMPLE.COM./x', true],
    ['api.example.com', 'https://api.example.com:8443/', false],
    ['api.example.com:8443', 'https://api.example.com:8443/', true],
    ['api.example.com:443', 'https://api.example.com/', true],
    ['api.example.com', 'https://evil.com/api.example.com', false],
    ['api.example.com', 'https://api.example.com.evil.com/', false],
    ['api.example.com', 'https://xapi.example.com/', false],
    ['*.example.com', 'https://a.example.com/', true],
    ['*.example.com', 'https://a.b.example.com/', true],
    ['*.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://evilexample.com/', false],
    ['*.example.com', 'https://a.example.com.evil.com/', false],
  ])('%s and %s: %s', (line, url, expected) => {
    expect(isListed(new URL(url), [line])).toBe(expected)
  })

  test.each(['https://a.example', 'a.example/x', '*', '*.com', 'a.*.com', 'user@a.example', 'a b', ''])(
    'cannot be written as "%s"',
    (line) => {
      expect(findHostFault(line)).not.toBeNull()
    },
  )
})

async function prepare(auth: object = { auth: 'header', header_name: 'X-Key' }) {
  const bodies: string[] = []
  const elsewhere = await serve((_request, response) => response.end('elsewhere'))
  const server = await serve((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      bodies.push(body)
      const path = request.url?.split('?')[0]
      if (path === '/away') response.writeHead(302, { location: `${elsewhere.url}/stolen` }).end()
      else if (path === '/near') response.writeHead(302, { location: '/answer' }).end()
      else if (path === '/image') response.setHeader('content-type', 'image/png').end('\u0000')
      else if (path === '/refused') response.writeHead(401).end()
      else response.setHeader('content-type', 'application/json').end('{"ok":true}')
    })
  })
  const connect = (hosts: string[]) =>
    testConnection(httpType, { settings: { hosts, allow_http: true, ...auth }, credentials: { secret } })
  return { server, elsewhere, bodies, connection: connect([server.host]), both: connect([server.host, elsewhere.host]) }
}

test('reads with credentials, query and status', async () => {
  const { server, connection } = await prepare()
  const answer = await tool('read_url').execute({ url: `${server.url}/a?x=1`, query: { y: 2 } }, connection)
  expect(answer).toMatchObject({ status: 200, body: '{"ok":true}', content_type: 'application/json' })
  expect(server.seen[0]).toMatchObject({ method: 'GET', url: '/a?x=1&y=2' })
  expect(server.seen[0]?.headers['x-key']).toBe(secret)
  expect(await tool('read_url').execute({ url: `${server.url}/image` }, connection)).toMatchObject({
    body: expect.stringContaining('cannot be read as text'),
  })
})

test('sends bodies, and says what it will do', async () => {
  const { server, connection, bodies } = await prepare({ auth: 'basic', username: 'anna' })
  const input = { method: 'POST', url: `${server.url}/orders`, body: { number: 7 } }
  expect(tool('send_request').describeCall?.(input)).toBe(`POST ${server.url}/orders`)
  await tool('send_request').execute(input, connection)
  expect(bodies).toEqual(['{"number":7}'])
  await tool('send_request').execute({ method: 'DELETE', url: `${server.url}/orders` }, connection)
  expect(server.seen[1]).toMatchObject({ method: 'DELETE' })
  const basic = Buffer.from(`anna:${secret}`).toString('base64')
  expect(server.seen[0]?.headers).toMatchObject({ authorization: `Basic ${basic}`, 'content-type': 'application/json' })
})

test('a redirect to a host that is not listed is not followed; to a listed one it goes without credentials', async () => {
  const { server, elsewhere, connection, both } = await prepare()
  const read = tool('read_url')
  expect(await read.execute({ url: `${server.url}/away` }, connection)).toMatchObject({
    status: 302,
    location: `${elsewhere.url}/stolen`,
  })
  expect(elsewhere.seen).toHaveLength(0)
  expect(await read.execute({ url: `${server.url}/away` }, both)).toMatchObject({ status: 200, body: 'elsewhere' })
  expect(elsewhere.seen[0]?.headers).not.toHaveProperty('x-key')
  expect(await read.execute({ url: `${server.url}/near` }, connection)).toMatchObject({ body: '{"ok":true}' })
  expect(server.seen.at(-1)?.headers['x-key']).toBe(secret)
  const post = { method: 'POST', url: `${server.url}/near`, body: 'x' }
  expect(await tool('send_request').execute(post, connection)).toMatchObject({ status: 302 })
})

test('refuses other hosts, http where it is off, names in the address, and bad credentials', async () => {
  const { server, connection } = await prepare()
  const read = (url: string, by = connection) => tool('read_url').execute({ url }, by)
  await expect(read('https://elsewhere.example/')).rejects.toThrow(/Only these hosts may be asked/)
  await expect(read(`http://a:b@${server.host}/`)).rejects.toThrow(/user name/)
  await expect(read('file:///etc/passwd')).rejects.toThrow(/http/)
  const strict = testConnection(httpType, { settings: { hosts: [server.host] } })
  await expect(read(`${server.url}/`, strict)).rejects.toThrow(/Only https/)
  await expect(read(`${server.url}/refused`)).rejects.toMatchObject({ name: 'ConnectionFailed', kind: 'credentials' })
  await expect(httpType.test(connection)).resolves.toMatchObject({ message: expect.stringContaining('200') })
})

test('credentials that would break out of their header are refused', () => {
  expect(() =>
    testConnection(httpType, {
      settings: { hosts: ['a.example'], auth: 'bearer' },
      credentials: { secret: 'x\r\nhost: evil' },
    }),
  ).toThrow(/cannot be in a header/)
})
