import type { AddressInfo } from 'node:net'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'

export interface Mail {
  from: string
  to: string[]
  subject: string
  text: string
}

export interface MailServer {
  port: number
  /** `127.0.0.1:<port>`, as ALLOWED_PRIVATE_HOSTS takes it. */
  host: string
  /** Every mail that arrived, oldest first. */
  mails: Mail[]
  stop(): Promise<void>
}

/** An SMTP server that lets one user in and keeps what arrives. */
export async function startMailServer(account: { user: string; password: string }): Promise<MailServer> {
  const mails: Mail[] = []
  const server = new SMTPServer({
    // Its certificate would be nobody's; on the same machine nothing is carried over a net.
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, callback) {
      if (username === account.user && password === account.password) return callback(null, { user: username })
      callback(new Error('Invalid username or password'))
    },
    onData(stream, session, callback) {
      simpleParser(stream).then(
        ({ subject, text, from }) => {
          mails.push({
            from: from?.text ?? '',
            to: session.envelope.rcptTo.map(({ address }) => address),
            subject: subject ?? '',
            text: text ?? '',
          })
          callback()
        },
        (error: Error) => callback(error),
      )
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    port,
    host: `127.0.0.1:${port}`,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
