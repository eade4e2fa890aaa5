import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { connectSocket } from './connect-socket.ts'
import type { Lookup } from './resolve-host.ts'
import { guardWith, refused } from './url-guard-testing.ts'

const publicLookup: Lookup = async () => [{ address: '93.184.216.34', family: 4 }]
const ports = [25]

test.each([
  ['127.0.0.1', 'private-address'],
  ['127.1', 'private-address'],
  ['2130706433', 'private-address'],
  ['0x7f.0.0.1', 'private-address'],
  ['0177.0.0.1', 'private-address'],
  ['１２７.0.0.1', 'private-address'],
  ['10.0.0.5', 'private-address'],
  ['169.254.169.254', 'private-address'],
  ['::1', 'private-address'],
  ['[::1]', 'private-address'],
  ['::ffff:10.0.0.1', 'private-address'],
  ['fd00::1', 'private-address'],
  ['localhost', 'host'],
  ['db.internal', 'host'],
  ['', 'invalid-url'],
  ['a b.example', 'invalid-url'],
  ['user@mail.example', 'invalid-url'],
  ['mail.example:25', 'invalid-url'],
  ['mail.example/x', 'invalid-url'],
  ['mail.example#', 'invalid-url'],
  ['%31%32%37.0.0.1', 'invalid-url'],
  ['/var/run/postgresql', 'invalid-url'],
])('%s is refused: %s', async (host, reason) => {
  expect(await refused(guardWith().resolveSocket(host, 25, { ports }))).toBe(reason)
})

test('a name that leads inside is refused, also by one of its addresses', async () => {
  const lookup: Lookup = async () => [...(await publicLookup('')), { address: '10.0.0.1', family: 4 }]
  expect(await refused(guardWith({ lookup }).resolveSocket('mail.example', 25, { ports }))).toBe('private-address')
})

test('low ports are those of the service, higher ones are open', async () => {
  const guard = guardWith({ lookup: publicLookup })
  for (const port of [22, 80, 443, 587, 0, 65_536, 1.5, Number.NaN])
    expect(await refused(guard.resolveSocket('mail.example', port, { ports }))).toBe('port')
  for (const port of [25, 1024, 25_060])
    expect(await guard.resolveSocket('Mail.Example.', port, { ports })).toEqual({
      host: 'mail.example',
      port,
      addresses: [{ address: '93.184.216.34', family: 4 }],
      isPrivate: false,
    })
  expect(await refused(guard.fetch('http://mail.example:25/'))).toBe('port')
})

test('a private host that the operator allowed is one, a public one never', async () => {
  const lookup: Lookup = async () => [{ address: '10.0.0.1', family: 4 }]
  const allowedPrivateHosts = ['db.internal:5432', '10.9.0.0/16', 'mail.example']
  const guard = guardWith({ lookup, allowedPrivateHosts })
  expect(await guard.resolveSocket('db.internal', 5432, { ports: [] })).toMatchObject({ isPrivate: true })
  expect(await refused(guard.resolveSocket('db.internal', 5433, { ports: [] }))).toBe('host')
  expect(await guard.resolveSocket('10.9.1.1', 22, { ports: [] })).toMatchObject({ isPrivate: true })
  const far = guardWith({ lookup: publicLookup, allowedPrivateHosts })
  expect(await far.resolveSocket('mail.example', 25, { ports })).toMatchObject({ isPrivate: false })
})

test('waiting for a name ends with the signal', async () => {
  const guard = guardWith({ lookup: () => new Promise(() => {}) })
  const signal = AbortSignal.timeout(20)
  await expect(guard.resolveSocket('mail.example', 25, { ports, signal })).rejects.toMatchObject({
    name: 'TimeoutError',
  })
})

test('the connection goes to the checked addresses, one after the other', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const addresses = [
    { address: '127.0.0.2', family: 4 as const },
    { address: '127.0.0.1', family: 4 as const },
  ]
  const place = { host: 'nowhere.invalid', port, addresses, isPrivate: true }
  const socket = await connectSocket(place, AbortSignal.timeout(3000))
  expect(socket.remoteAddress).toBe('127.0.0.1')
  socket.destroy()
  const nobody = connectSocket({ ...place, addresses: addresses.slice(0, 1) }, AbortSignal.timeout(3000))
  expect(await refused(nobody)).toBe('network')
  await expect(connectSocket(place, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
})
