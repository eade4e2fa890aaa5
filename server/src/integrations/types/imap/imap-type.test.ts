import { createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { guardWith } from '../../../url-guard/url-guard-testing.ts'
import { createTestAuthority, trust } from '../../certificate-testing.ts'
import { testConnection } from '../../integration-type-testing.ts'
import { hasDovecot, password, startDovecot, type TestMail, user } from './dovecot-testing.ts'
import { imapType } from './imap-type.ts'

const connect = (port: number, settings: object = {}, options: Parameters<typeof testConnection>[1] = {}) =>
  testConnection(imapType, {
    settings: { host: '127.0.0.1', port, security: 'none', user, ...settings },
    credentials: { password },
    ...options,
  })
type Tools = Extract<typeof imapType.tools, readonly unknown[]>
// biome-ignore lint/suspicious/noExplicitAny: results of tools are unknown, and tests look into them.
const call = (port: number, name: string, input: object = {}): Promise<any> =>
  (imapType.tools as Tools).find((tool) => tool.name === name)!.execute(input, connect(port))

const mails: TestMail[] = [
  {
    isSeen: true,
    raw: `From: Bob Brown <bob@example.org>
To: anna@example.com
Subject: Old offer
Date: Mon, 2 Mar 2026 10:00:00 +0100
Message-ID: <old@example.org>

The price is 10.
`,
  },
  {
    raw: `From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.org>
To: anna@example.com, Carl <carl@example.com>
Cc: dora@example.com
Reply-To: office@example.org
Subject: =?utf-8?B?R3LDvMOfZSBhdXMgWsO8cmljaA==?=
Date: Tue, 6 Oct 2026 08:00:00 +0000
Message-ID: <new@example.org>
In-Reply-To: <old@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=DFe
--inner
Content-Type: text/html; charset=utf-8

<p>HTML</p>
--inner--
--outer
Content-Type: application/pdf; name="offer.pdf"
Content-Disposition: attachment; filename="offer.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQKY2FuYXJ5LWF0dGFjaG1lbnQ=
--outer--
`,
  },
  {
    raw: `From: news@example.net
To: anna@example.com
Subject: News
Date: Wed, 7 Oct 2026 08:00:00 +0000
Message-ID: <html@example.net>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<html><head><style>p{}</style></head><body><h1>News</h1><p>Hello <b>you</b></p>
<div style="display:none">canary-hidden</div><script>canary</script></body></html>
`,
  },
  { mailbox: 'Archive', raw: 'From: eve@example.net\nSubject: Kept\nMessage-ID: <kept@example.net>\n\nArchived.\n' },
]

describe.skipIf(!hasDovecot)('with Dovecot', () => {
  test('e-mails are found by each condition, newest first', async () => {
    const { port } = await startDovecot(mails)
    const found = async (input: object) =>
      (await call(port, 'search_emails', input)).emails.map(({ subject }: { subject: string }) => subject)
    expect(await found({})).toEqual(['News', 'Grüße aus Zürich', 'Old offer'])
    expect(await found({ limit: 1 })).toEqual(['News'])
    expect(await found({ from: 'juergen@' })).toEqual(['Grüße aus Zürich'])
    expect(await found({ from: 'Jürgen' })).toEqual(['Grüße aus Zürich'])
    expect(await found({ subject: 'zürich' })).toEqual(['Grüße aus Zürich'])
    expect(await found({ text: 'Schöne' })).toEqual(['Grüße aus Zürich'])
    expect(await found({ unseen: true })).toEqual(['News', 'Grüße aus Zürich'])
    expect(await found({ unseen: true, text: 'price' })).toEqual([])
    expect(await found({ mailbox: 'Archive' })).toEqual(['Kept'])
    expect(await found({ before: '2000-01-01' })).toEqual([])
    expect(await found({ since: '2000-01-01', before: '2100-01-01' })).toHaveLength(3)
    const { emails } = await call(port, 'search_emails', { subject: 'Grüße' })
    expect(emails[0]).toMatchObject({
      message_id: '<new@example.org>',
      from: 'Jürgen <juergen@example.org>',
      to: ['anna@example.com', 'Carl <carl@example.com>'],
      date: '2026-10-06T08:00:00.000Z',
      is_unseen: true,
      attachments: 1,
    })
  })

  test('an e-mail is read with its text and the names of its attachments, and stays unseen', async () => {
    const { port, files, log } = await startDovecot(mails)
    const before = await files()
    const { emails } = await call(port, 'search_emails')
    const read = (index: number) => call(port, 'read_email', { uid: emails[index].uid })
    const email = await read(1)
    expect(email).toMatchObject({
      subject: 'Grüße aus Zürich',
      text: 'Schöne Grüße',
      cc: ['dora@example.com'],
      reply_to: ['office@example.org'],
      in_reply_to: '<old@example.org>',
      is_cut: false,
      is_unseen: true,
    })
    expect(email.attachments).toEqual([{ name: 'offer.pdf', type: 'application/pdf', size: expect.any(Number) }])
    expect(JSON.stringify(email)).not.toContain('canary')
    const html = await read(0)
    expect(html.text).toBe('# News\n\nHello you')
    expect(await files()).toEqual(before)
    expect((await call(port, 'search_emails', { unseen: true })).found).toBe(2)
    expect(await log()).not.toContain(password)
    expect(await call(port, 'read_email', { uid: 4_000_000 })).toMatchObject({ error: expect.any(String) })
  })

  test('mailboxes are listed; another one does not break the connection', async () => {
    const { port } = await startDovecot(mails)
    const { mailboxes } = await call(port, 'list_mailboxes')
    expect(mailboxes.map(({ path }: { path: string }) => path).sort()).toEqual(['Archive', 'INBOX'])
    for (const mailbox of ['Nowhere', '../../etc', 'a"b', 'x\r\nA1 DELETE Archive', '*'])
      for (const tool of ['search_emails', 'read_email']) {
        const error = await call(port, tool, { mailbox, uid: 1 }).catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(Error)
        expect(error).not.toMatchObject({ name: 'ConnectionFailed' })
      }
    expect((await call(port, 'list_mailboxes')).mailboxes).toHaveLength(2)
  })

  test.each(['a"b\\c', 'x" ALL', 'x\r\nA1 STORE 1:* +FLAGS (\\Deleted)\r\n', '{5}\r\nhello', 'x) NOT (y', 'ä\0ö'])(
    'words such as %j are only words',
    async (text) => {
      const { port, files } = await startDovecot(mails)
      const before = await files()
      const result = await call(port, 'search_emails', { text, subject: text, from: text }).catch(
        (error: Error) => error,
      )
      if (!(result instanceof Error)) expect(result.emails).toEqual([])
      expect(await files()).toEqual(before)
    },
  )

  test('a long e-mail is cut', async () => {
    const raw = `From: bob@example.org\nSubject: Long\n\n${`${'word '.repeat(15)}\n`.repeat(20_000)}`
    const { port } = await startDovecot([{ raw }])
    const { emails } = await call(port, 'search_emails')
    const email = await call(port, 'read_email', { uid: emails[0].uid })
    expect(email.is_cut).toBe(true)
    expect(email.text).toHaveLength(50_000)
  })

  test('a wrong password asks the owner to connect again', async () => {
    const { port } = await startDovecot(mails)
    expect(await imapType.test(connect(port))).toEqual({
      message: 'Signed in at 127.0.0.1 as anna@example.com: 3 e-mails in the inbox.',
    })
    const error = await imapType
      .test(connect(port, {}, { credentials: { password: 'canary-wrong' } }))
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ConnectionFailed', kind: 'credentials' })
    expect(String(error)).not.toContain('canary')
  })

  test('STARTTLS with a certificate of the name works, with another it does not', async () => {
    const authority = createTestAuthority()
    const lookup = async () => [{ address: '127.0.0.1', family: 4 as const }]
    const urlGuard = guardWith({ allowedPrivateHosts: ['127.0.0.0/8'], lookup })
    const settings = { host: 'mail.example.com', security: 'starttls' }
    const { port } = await startDovecot(mails, authority.issue('mail.example.com'))
    await expect(imapType.test(connect(port, settings, { urlGuard }))).rejects.toThrow('nobody this server trusts')
    trust(authority)
    await expect(
      imapType.test(connect(port, { ...settings, host: 'other.example.com' }, { urlGuard })),
    ).rejects.toThrow('for another name')
    expect((await imapType.test(connect(port, settings, { urlGuard }))).message).toContain('3 e-mails')
  })

  test('a server without STARTTLS does not get the password', async () => {
    const { port, log } = await startDovecot(mails)
    await expect(imapType.test(connect(port, { security: 'starttls' }))).rejects.toMatchObject({ kind: 'unreachable' })
    expect(await log()).not.toContain('Login:')
  })
})

/** Answers each line by what it begins with after its tag. */
async function startScriptedServer(answer: (line: string, tag: string) => string | null, greeting = '* OK ready\r\n') {
  const lines: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {}).write(greeting)
    let rest = ''
    socket.on('data', (chunk) => {
      const parts = (rest + chunk).split('\r\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        const [tag = ''] = line.split(' ')
        const text = answer(line.slice(tag.length + 1), tag)
        if (text !== null) socket.write(text)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, lines, sockets }
}

const capability = '* CAPABILITY IMAP4rev1\r\n'
const usual = (line: string, tag: string) => `${line.startsWith('CAPABILITY') ? capability : ''}${tag} OK done\r\n`

describe('with servers that behave badly', () => {
  test('only commands that read are sent', async () => {
    const { port, lines } = await startScriptedServer((line, tag) => {
      if (line.startsWith('EXAMINE')) return `* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n${tag} OK [READ-ONLY] done\r\n`
      if (line.startsWith('UID SEARCH')) return `* SEARCH 7\r\n${tag} OK done\r\n`
      return usual(line, tag)
    })
    expect(await call(port, 'search_emails', { text: 'x' })).toMatchObject({ found: 1, emails: [] })
    const verbs = lines.map((line) => line.replace(/^\S+ (UID )?(\S+).*/, '$2'))
    expect(verbs).toContain('EXAMINE')
    expect(new Set(verbs)).not.toContain('SELECT')
    expect(verbs.filter((verb) => /STORE|APPEND|COPY|MOVE|EXPUNGE|DELETE|CREATE|RENAME/i.test(verb))).toEqual([])
  })

  test('a refused sign-in is told apart from trouble that passes', async () => {
    for (const [code, kind] of [
      ['AUTHENTICATIONFAILED', 'credentials'],
      ['UNAVAILABLE', 'unreachable'],
    ]) {
      const { port } = await startScriptedServer((line, tag) =>
        line.startsWith('LOGIN') ? `${tag} NO [${code}] no ${line}\r\n` : usual(line, tag),
      )
      const error = await imapType.test(connect(port)).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ name: 'ConnectionFailed', kind })
      expect(String(error)).not.toContain(password)
    }
  })

  test('a server that announces gigabytes is left', async () => {
    const { port } = await startScriptedServer((line, tag) =>
      line.startsWith('EXAMINE') ? `* OK {1000000000}\r\n` : usual(line, tag),
    )
    await expect(call(port, 'search_emails')).rejects.toMatchObject({ name: 'ConnectionFailed' })
  })

  test('a line without end is left', async () => {
    const { port } = await startScriptedServer((line, tag) =>
      line.startsWith('EXAMINE') ? 'x'.repeat(6 * 1024 * 1024) : usual(line, tag),
    )
    await expect(call(port, 'search_emails')).rejects.toMatchObject({ name: 'ConnectionFailed' })
  })

  test.each(['', '* OK ready\r\n'])(
    'one that falls silent after %j is left when the run is canceled',
    async (greeting) => {
      const { port, sockets } = await startScriptedServer(() => null, greeting)
      const started = Date.now()
      const connection = connect(port, {}, { signal: AbortSignal.timeout(300) })
      await expect(imapType.test(connection)).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(Date.now() - started).toBeLessThan(3000)
      await expect.poll(() => sockets.every((socket) => socket.destroyed || socket.readableEnded)).toBe(true)
    },
  )

  test('nothing there, something else, and hosts inside are refused', async () => {
    await expect(imapType.test(connect(1))).rejects.toMatchObject({ kind: 'unreachable' })
    const { port } = await startScriptedServer(() => null, 'HTTP/1.1 400 Bad Request\r\n\r\n')
    const signal = AbortSignal.timeout(1000)
    await expect(imapType.test(connect(port, {}, { signal }))).rejects.toThrow()
    await expect(imapType.test(connect(port, {}, { urlGuard: guardWith() }))).rejects.toThrow('public internet')
    const lookup = async () => [{ address: '93.184.216.34', family: 4 as const }]
    const far = connect(143, { host: 'mail.example.com' }, { urlGuard: guardWith({ lookup }) })
    await expect(imapType.test(far)).rejects.toThrow('Without encryption')
  })
})
