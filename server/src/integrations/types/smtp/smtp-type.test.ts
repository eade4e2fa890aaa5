import { createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { guardWith } from '../../../url-guard/url-guard-testing.ts'
import { createTestAuthority, trust } from '../../certificate-testing.ts'
import type { Connection } from '../../integration-type.ts'
import { testConnection } from '../../integration-type-testing.ts'
import { password, startSmtpServer, user } from './smtp-server-testing.ts'
import { smtpType } from './smtp-type.ts'

const connect = (port: number, settings: object = {}, options: Parameters<typeof testConnection>[1] = {}) =>
  testConnection(smtpType, {
    settings: {
      host: '127.0.0.1',
      port,
      security: 'none',
      user,
      from_address: 'anna@example.com',
      from_name: 'Anna Smith',
      ...settings,
    },
    credentials: { password },
    ...options,
  })
const [tool] = smtpType.tools as Extract<typeof smtpType.tools, readonly unknown[]>
const mail = { to: ['bob@example.org'], subject: 'Hello', text: 'How are you?' }
const send = (connection: Connection, input: object = {}) => tool!.execute({ ...mail, ...input }, connection)
const local = { allowedPrivateHosts: ['127.0.0.0/8'] }

describe('an e-mail', () => {
  test('arrives as it was written, from its owner', async () => {
    const { port, received } = await startSmtpServer()
    const answer = await send(connect(port), {
      to: ['Bob Brown <bob@example.org>', 'bob@EXAMPLE.org'],
      cc: ['cleo@example.org'],
      bcc: ['dora@example.org'],
      subject: 'Grüße aus Zürich 🎉, and a subject that is long enough to need more than one line of a header',
      text: 'Schöne Grüße\n.\nQUIT\n',
      html: '<p>Schöne <b>Grüße</b></p>',
      in_reply_to: '<abc.1@example.org>',
      reply_to: 'office@example.com',
    })
    const [got] = received
    expect(received).toHaveLength(1)
    expect(got!.from).toBe('anna@example.com')
    expect(got!.to).toEqual(['bob@example.org', 'cleo@example.org', 'dora@example.org'])
    expect(got!.parsed.from?.value).toEqual([{ name: 'Anna Smith', address: 'anna@example.com' }])
    expect(got!.parsed.subject).toBe(
      'Grüße aus Zürich 🎉, and a subject that is long enough to need more than one line of a header',
    )
    expect(got!.parsed.text).toBe('Schöne Grüße\n.\nQUIT\n')
    expect(got!.parsed.html).toBe('<p>Schöne <b>Grüße</b></p>')
    expect([got!.parsed.inReplyTo, got!.parsed.references]).toEqual(['<abc.1@example.org>', '<abc.1@example.org>'])
    expect(got!.parsed.replyTo?.value[0]?.address).toBe('office@example.com')
    expect(got!.raw).not.toContain('dora')
    expect(got!.raw).not.toMatch(/nodemailer|x-mailer/i)
    expect(answer).toEqual({
      message_id: got!.parsed.messageId,
      accepted: ['bob@example.org', 'cleo@example.org', 'dora@example.org'],
      rejected: [],
    })
  })

  test('goes to addresses of other alphabets', async () => {
    const { port, received } = await startSmtpServer()
    await send(connect(port), { to: ['bob@bücher.example'] })
    expect(received[0]!.to).toEqual(['bob@bücher.example'])
    expect(received[0]!.raw).toContain('To: bob@xn--bcher-kva.example')
  })

  const injections: [what: string, input: object][] = [
    ['a line break in the subject', { subject: 'Hello\r\nBcc: eve@evil.example' }],
    ['a bare carriage return in the subject', { subject: 'Hello\rBcc: eve@evil.example' }],
    ['a line separator in the subject', { subject: 'Hello\u2028Bcc: eve@evil.example' }],
    ['a NUL in the subject', { subject: 'Hello\0' }],
    ['a direction override in the subject', { subject: 'Hello \u202eolleh' }],
    ['a line break in an address', { to: ['bob@example.org\r\nRCPT TO:<eve@evil.example>'] }],
    ['a line break in a name', { to: ['Bob\r\nBcc: eve@evil.example <bob@example.org>'] }],
    ['two addresses in one', { to: ['bob@example.org, eve@evil.example'] }],
    ['two addresses in brackets', { to: ['<bob@example.org> <eve@evil.example>'] }],
    ['an address in a name', { to: ['eve@evil.example <bob@example.org>'] }],
    ['a parameter after an address', { to: ['bob@example.org> ORCPT=rfc822;eve@evil.example'] }],
    ['a quoted local part', { to: ['"bob eve"@example.org'] }],
    ['an IP domain', { to: ['bob@[10.0.0.1]'] }],
    ['a domain that is a number', { to: ['bob@2130706433'] }],
    ['an encoded domain', { to: ['bob@example%2eorg'] }],
    ['a line break in Message-ID', { in_reply_to: '<a@b>\r\nBcc: eve@evil.example' }],
    ['two Message-IDs', { in_reply_to: '<a@b> <c@d>' }],
    ['a line break in Reply-To', { reply_to: 'bob@example.org\nBcc: eve@evil.example' }],
    ['no recipient', { to: [] }],
    ['no subject', { subject: ' ' }],
    ['too many recipients', { to: Array.from({ length: 21 }, (_, index) => `bob${index}@example.org`) }],
    ['too many recipients in sum', { cc: Array.from({ length: 20 }, (_, index) => `bob${index}@example.org`) }],
    ['a subject over the limit', { subject: 'x'.repeat(501) }],
    ['a text over the limit', { text: 'x'.repeat(100_001) }],
    ['an html over the limit', { html: 'x'.repeat(300_001) }],
  ]
  test.each(injections)('with %s is not sent', async (_what, input) => {
    const { port, received, signedIn } = await startSmtpServer()
    await expect(send(connect(port), input)).rejects.toThrow(Error)
    expect([received.length, signedIn.length]).toEqual([0, 0])
    await send(connect(port))
    expect(received).toHaveLength(1)
  })

  test('cannot name another sender, files, addresses to fetch or headers', async () => {
    const { port, received } = await startSmtpServer()
    await send(connect(port), {
      from: 'eve@evil.example',
      sender: 'eve@evil.example',
      envelope: { from: 'eve@evil.example', to: 'eve@evil.example' },
      headers: { Bcc: 'eve@evil.example' },
      attachments: [{ path: '/etc/passwd' }],
      raw: 'From: eve@evil.example\r\n\r\n',
    })
    expect(received[0]!.raw).not.toContain('evil.example')
    expect([received[0]!.from, received[0]!.to, received[0]!.parsed.attachments]).toEqual([
      'anna@example.com',
      ['bob@example.org'],
      [],
    ])
    await expect(send(connect(port), { text: { path: '/etc/passwd' } })).rejects.toThrow()
    await expect(send(connect(port), { html: { href: 'http://127.0.0.1/' } })).rejects.toThrow()
  })

  test('goes only to whom the owner allowed, and so do its answers', async () => {
    const { port, received } = await startSmtpServer()
    const connection = connect(port, { allowed_recipients: ['bob@example.org', '@Example.com', 'bücher.example'] })
    for (const to of ['BOB@example.org', 'any@example.com', 'any@xn--bcher-kva.example'])
      await send(connection, { to: [to] })
    expect(received).toHaveLength(3)
    for (const to of ['eve@example.org', 'bob@sub.example.com', 'bob@notexample.com', 'bob@example.com.evil.example'])
      await expect(send(connection, { to: [to] })).rejects.toThrow('does not allow')
    for (const other of [{ cc: ['eve@evil.example'] }, { bcc: ['eve@evil.example'] }, { reply_to: 'eve@evil.example' }])
      await expect(send(connection, other)).rejects.toThrow('does not allow')
    await send(connection, { reply_to: 'anna@example.com' })
    expect(received).toHaveLength(4)
  })

  test('is described in one line for whoever approves it', () => {
    const describe = (input: object) => tool!.describeCall?.({ ...mail, ...input })
    expect(describe({})).toBe('Send "Hello" to bob@example.org')
    expect(describe({ bcc: ['Eve <eve@evil.example>'], reply_to: 'x@evil.example' })).toBe(
      'Send "Hello" to bob@example.org, eve@evil.example, answers to x@evil.example',
    )
    expect(
      describe({ to: Array.from({ length: 7 }, (_, index) => `b${index}@a.example`), subject: 'a\nb\u202ec' }),
    ).toBe('Send "a b c" to b0@a.example, b1@a.example, b2@a.example, b3@a.example, b4@a.example and 2 more')
    expect(describe({ to: 'nobody' })).toBe('Send "" to nobody')
  })
})

describe('what a server answers', () => {
  test('a wrong password asks the owner to connect again, without saying it', async () => {
    const { port } = await startSmtpServer()
    const connection = connect(port, {}, { credentials: { password: 'canary-wrong-password' } })
    for (const attempt of [smtpType.test(connection), send(connection)]) {
      const error = await attempt.catch((reason: unknown) => reason)
      expect(error).toMatchObject({ name: 'ConnectionFailed', kind: 'credentials' })
      expect(String(error)).toContain('535')
      expect(String(error)).not.toContain('canary')
    }
  })

  test('trouble with signing in that passes does not', async () => {
    const onAuth = (_auth: unknown, _session: unknown, callback: (error: Error) => void) =>
      callback(Object.assign(new Error('4.7.0 Temporary failure'), { responseCode: 454 }))
    const { port } = await startSmtpServer({ onAuth })
    await expect(smtpType.test(connect(port))).rejects.toMatchObject({ kind: 'unreachable' })
  })

  test('a server that offers no way to sign in gets no e-mail', async () => {
    const { port, received } = await startSmtpServer({ disabledCommands: ['AUTH'] })
    await expect(send(connect(port))).rejects.toMatchObject({ name: 'ConnectionFailed' })
    expect(received).toEqual([])
    await send(connect(port, { user: '' }, { credentials: {} }))
    expect(received).toHaveLength(1)
  })

  test('a refused recipient is named, without the words of the server', async () => {
    const { port, received } = await startSmtpServer()
    const connection = connect(port)
    const error = await send(connection, { to: ['gone@example.org'] }).catch((reason: unknown) => reason)
    expect(error).not.toMatchObject({ name: 'ConnectionFailed' })
    expect(String(error)).toBe(
      'Error: The server refused the e-mail for gone@example.org (550 5.1.1). It was not sent.',
    )
    expect(received).toEqual([])
    expect(await send(connection, { cc: ['gone@example.org'] })).toMatchObject({
      accepted: ['bob@example.org'],
      rejected: [{ address: 'gone@example.org', reason: 'The server refused it (550 5.1.1).' }],
    })
  })

  test('greylisting says to try again later', async () => {
    const { port } = await startSmtpServer()
    await expect(send(connect(port), { to: ['later@example.org'] })).rejects.toThrow(
      /later@example.org \(451 4\.7\.1\).*trying again/,
    )
  })

  test('a refusal of the whole e-mail after its text', async () => {
    const { port } = await startSmtpServer({
      onData(stream, _session, callback) {
        stream.resume().on('end', () => callback(Object.assign(new Error('5.7.1 Spam'), { responseCode: 554 })))
      },
    })
    await expect(send(connect(port))).rejects.toThrow('The server refused the e-mail (554 5.7.1). It was not sent.')
  })

  test('a size that the server does not take', async () => {
    const { port } = await startSmtpServer({ size: 1000 })
    await expect(send(connect(port), { text: 'x'.repeat(5000) })).rejects.toThrow('552 5.3.4')
  })

  test('a connection that ends while the e-mail is handed over: nobody knows whether it goes out', async () => {
    const sockets: Socket[] = []
    const { port } = await startSmtpServer({
      onData(stream, session) {
        stream.resume().on('end', () => sockets.at(-1)?.destroy())
        void session
      },
    })
    const proxy = createServer((socket) => {
      sockets.push(socket)
      const onward = new (socket.constructor as typeof Socket)().connect(port, '127.0.0.1')
      for (const end of [socket, onward]) end.on('error', () => {})
      socket.pipe(onward).pipe(socket)
      socket.on('close', () => onward.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void proxy.close())
    await expect(send(connect((proxy.address() as { port: number }).port))).rejects.toThrow('is not known')
  })

  test('a server that says nothing is left when the run is canceled or the time is over', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => {})))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const { port } = silent.address() as { port: number }
    for (const work of [smtpType.test, (connection: Connection) => send(connection)]) {
      const started = Date.now()
      const connection = connect(port, {}, { signal: AbortSignal.timeout(300) })
      await expect(work(connection)).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(Date.now() - started).toBeLessThan(3000)
    }
    await expect
      .poll(() => sockets.every((socket) => socket.readyState === 'closed' || socket.readableEnded))
      .toBe(true)
  })

  test('nothing there, or something else than SMTP', async () => {
    await expect(smtpType.test(connect(1))).rejects.toMatchObject({ kind: 'unreachable' })
    const other = createServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as { port: number }
    await expect(smtpType.test(connect(port))).rejects.toMatchObject({ name: 'ConnectionFailed', kind: 'unreachable' })
  })
})

describe('encryption', () => {
  const authority = createTestAuthority()
  const lookup = async () => [{ address: '127.0.0.1', family: 4 as const }]
  const urlGuard = guardWith({ ...local, lookup })
  const withTls = (port: number, security: string, host = 'mail.example.com') =>
    connect(port, { host, security }, { urlGuard })
  const servers = {
    starttls: (pair: object) => startSmtpServer({ ...pair, hideSTARTTLS: false, allowInsecureAuth: false }),
    tls: (pair: object) => startSmtpServer({ ...pair, secure: true }),
  }

  test.each(['starttls', 'tls'] as const)('%s with a trusted certificate of the name sends', async (security) => {
    trust(authority)
    const { port, received } = await servers[security](authority.issue('mail.example.com'))
    expect(await smtpType.test(withTls(port, security))).toEqual({
      message: 'Signed in at mail.example.com as anna@example.com. No e-mail was sent.',
    })
    await send(withTls(port, security))
    expect(received).toHaveLength(1)
  })

  test.each(['starttls', 'tls'] as const)('%s is refused with a certificate that does not fit', async (security) => {
    const fits = await servers[security](authority.issue('mail.example.com'))
    await expect(send(withTls(fits.port, security))).rejects.toThrow('from nobody this server trusts')
    trust(authority)
    const other = await servers[security](authority.issue('other.example.com'))
    await expect(send(withTls(other.port, security))).rejects.toThrow('is for another name')
    const past = { from: new Date(Date.now() - 7_200_000), to: new Date(Date.now() - 3_600_000) }
    const old = await servers[security](authority.issue('mail.example.com', past))
    await expect(send(withTls(old.port, security))).rejects.toThrow('has expired')
    expect([...fits.signedIn, ...other.signedIn, ...old.signedIn]).toEqual([])
    await send(withTls(fits.port, security))
    expect(fits.received).toHaveLength(1)
  })

  test('an address instead of a name is checked too', async () => {
    trust(authority)
    const wrong = await servers.tls(authority.issue('mail.example.com'))
    await expect(send(withTls(wrong.port, 'tls', '127.0.0.1'))).rejects.toThrow('is for another name')
    const right = await servers.tls(authority.issue('127.0.0.1'))
    await send(withTls(right.port, 'tls', '127.0.0.1'))
    expect(right.received).toHaveLength(1)
  })

  test('a server that hides STARTTLS gets neither password nor e-mail', async () => {
    const { port, received, signedIn } = await startSmtpServer()
    await expect(send(withTls(port, 'starttls'))).rejects.toMatchObject({
      name: 'ConnectionFailed',
      kind: 'unreachable',
    })
    expect([received, signedIn]).toEqual([[], []])
  })

  test('without it, only private hosts that the operator allowed can be connected', async () => {
    const { port, received } = await startSmtpServer()
    const publicHost = guardWith({ lookup: async () => [{ address: '93.184.216.34', family: 4 as const }] })
    const far = connect(port, { host: 'mail.example.com' }, { urlGuard: publicHost })
    await expect(send(far)).rejects.toThrow('Without encryption')
    await expect(send(connect(port, {}, { urlGuard: guardWith() }))).rejects.toThrow('not on the public internet')
    expect(received).toEqual([])
    await send(connect(port))
    expect(received).toHaveLength(1)
  })
})

describe('the form', () => {
  const faults = (settings: object, credentials: object = { password }) =>
    smtpType.check?.({ settings: { ...settings }, credentials: { ...credentials } as never }).map(({ path }) => path)

  test('takes what is complete', () => {
    expect(faults({ user: 'a', allowed_recipients: ['a@b.example', 'b.example', '@b.example'] })).toEqual([])
    expect(faults({}, {})).toEqual([])
  })

  test('says what does not fit', () => {
    expect(faults({ user: 'a' }, {})).toEqual(['/credentials/password'])
    expect(faults({})).toEqual(['/settings/user'])
    expect(faults({ user: 'a', from_name: 'a\r\nBcc: b' })).toEqual(['/settings/from_name'])
    expect(faults({ user: 'a', allowed_recipients: ['a b', 'ok.example', '*'] })).toEqual([
      '/settings/allowed_recipients/0',
      '/settings/allowed_recipients/2',
    ])
  })
})
