import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTestAuthority, trust } from '../integrations/certificate-testing.ts'
import { password, startSmtpServer, user } from '../integrations/types/smtp/smtp-server-testing.ts'
import { openMailer } from './open-mailer.ts'
import { readSmtpUrl } from './smtp-url.ts'

const signIn = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
const open = (smtpUrl: string, from = 'Agents <agents@example.com>') =>
  openMailer({ mail: { smtpUrl, from }, publicUrl: 'https://agents.example.com' })
const mail = { to: 'ada@example.com', subject: 'Ihr Limit – 80 %', text: 'Hello Ada,\n\nGrüße\n.\nEnd\n' }

describe('an e-mail', () => {
  test('arrives as plain text from MAIL_FROM, and asks for no answer of machines', async () => {
    const { port, received, signedIn } = await startSmtpServer()
    expect(await open(`smtp://${signIn}@127.0.0.1:${port}?tls=none`).send(mail)).toEqual({ kind: 'sent' })
    expect(signedIn).toEqual([user])
    expect(received).toHaveLength(1)
    const { from, to, parsed, raw } = received[0]!
    expect([from, to]).toEqual(['agents@example.com', ['ada@example.com']])
    expect(parsed.from?.text).toBe('"Agents" <agents@example.com>')
    expect([parsed.subject, parsed.text, parsed.html]).toEqual([mail.subject, mail.text, false])
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
    expect(raw).not.toMatch(/nodemailer/i)
  })

  test('goes encrypted, from the first byte or after STARTTLS, to a server whose certificate is trusted', async () => {
    const authority = createTestAuthority()
    const pair = authority.issue('127.0.0.1')
    const servers = {
      smtps: await startSmtpServer({ ...pair, secure: true }),
      smtp: await startSmtpServer({ ...pair, hideSTARTTLS: false, allowInsecureAuth: false }),
    }
    for (const [protocol, { port, received }] of Object.entries(servers)) {
      const mailer = open(`${protocol}://${signIn}@127.0.0.1:${port}`)
      expect(await mailer.send(mail)).toMatchObject({ kind: 'not-sent', reason: expect.stringContaining('trusts') })
      expect(received).toHaveLength(0)
    }
    trust(authority)
    for (const [protocol, { port, received }] of Object.entries(servers)) {
      expect(await open(`${protocol}://${signIn}@127.0.0.1:${port}`).send(mail)).toEqual({ kind: 'sent' })
      expect(received).toHaveLength(1)
    }
  })

  test('is not handed over where smtp:// is offered no encryption', async () => {
    const { port, received, signedIn } = await startSmtpServer()
    const outcome = await open(`smtp://${signIn}@127.0.0.1:${port}`).send(mail)
    expect(outcome).toMatchObject({ kind: 'not-sent', isFinal: false })
    expect([received, signedIn]).toEqual([[], []])
  })
})

describe('what went wrong', () => {
  test('is told without password and address', async () => {
    const { port } = await startSmtpServer()
    const wrong = await open(`smtp://${encodeURIComponent(user)}:not-this-one@127.0.0.1:${port}?tls=none`).send(mail)
    expect(wrong).toMatchObject({ kind: 'not-sent', isFinal: false })
    const refused = await open(`smtp://127.0.0.1:${port}?tls=none`).send(mail)
    expect(refused.kind).toBe('not-sent')
    expect(JSON.stringify([wrong, refused])).not.toMatch(/not-this-one|ada@/)
  })

  test('is final where the address is refused for good, and not where it may be taken later', async () => {
    const { port } = await startSmtpServer()
    const mailer = open(`smtp://${signIn}@127.0.0.1:${port}?tls=none`)
    expect(await mailer.send({ ...mail, to: 'gone@example.com' })).toMatchObject({ kind: 'not-sent', isFinal: true })
    expect(await mailer.send({ ...mail, to: 'later@example.com' })).toMatchObject({ kind: 'not-sent', isFinal: false })
  })

  test('is not known where the connection ends before the server has said that it has the e-mail', async () => {
    const connections: Socket[] = []
    // It has all of the e-mail, and dies before it says so.
    const { port } = await startSmtpServer({
      onData: (stream) => stream.resume().on('end', () => connections.map((socket) => socket.destroy())),
    })
    const between = createServer((socket) => {
      const onward = connect(port, '127.0.0.1')
      for (const end of [socket, onward]) end.on('error', () => {})
      socket.pipe(onward).pipe(socket)
      connections.push(socket, onward)
    })
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise<void>((resolve) => between.close(() => resolve())))
    const address = between.address() as { port: number }
    const outcome = await open(`smtp://${signIn}@127.0.0.1:${address.port}?tls=none`).send(mail)
    expect(outcome).toMatchObject({ kind: 'unknown' })
  })

  test('is a server that is not there, or one that stops meanwhile', async () => {
    expect(await open('smtp://127.0.0.1:9?tls=none').send(mail)).toMatchObject({ kind: 'not-sent', isFinal: false })
    const { port, received } = await startSmtpServer()
    const outcome = await open(`smtp://${signIn}@127.0.0.1:${port}?tls=none`).send(mail, AbortSignal.abort())
    expect(outcome).toMatchObject({ kind: 'not-sent', isFinal: false })
    expect(received).toEqual([])
  })
})

test('without SMTP_URL nothing is sent', async () => {
  const mailer = openMailer({ mail: undefined, publicUrl: undefined })
  expect(mailer.isConfigured).toBe(false)
  expect(await mailer.send(mail)).toMatchObject({ kind: 'not-sent', isFinal: true })
})

test.each([
  ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, security: 'tls', user: '', password: '' }],
  [
    'smtp://a%40b.example:p%2Fw@[::1]:2525',
    { host: '::1', port: 2525, security: 'starttls', user: 'a@b.example', password: 'p/w' },
  ],
  ['smtp://localhost?tls=none', { host: 'localhost', port: 25, security: 'none', user: '', password: '' }],
  ['smtps://mail.example.com?tls=none', null],
  ['smtp://mail.example.com?tls=maybe', null],
  ['smtp://mail.example.com/path', null],
  ['smtp://:password@mail.example.com', null],
  ['smtp://user:%zz@mail.example.com', null],
  ['https://mail.example.com', null],
  ['mail.example.com:25', null],
])('%s names the server %o', (url, expected) => {
  expect(readSmtpUrl(url)).toEqual(expected)
})
