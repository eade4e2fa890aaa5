import type { AddressInfo } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'

export const user = 'anna@example.com'
export const password = 'canary-app-password-1'

export interface ReceivedMail {
  from: string
  to: string[]
  raw: string
  parsed: ParsedMail
}

/** A real SMTP server for one test. Recipients that begin with `gone` or `later` are refused with 550 or 451. */
export async function startSmtpServer(options: SMTPServerOptions = {}) {
  const received: ReceivedMail[] = []
  const signedIn: string[] = []
  const server = new SMTPServer({
    authMethods: ['PLAIN', 'LOGIN'],
    disableReverseLookup: true,
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    closeTimeout: 100,
    onAuth({ username, password: given }, _session, callback) {
      if (username !== user || given !== password)
        return callback(Object.assign(new Error(`5.7.8 No. ${given}`), { responseCode: 535 }))
      signedIn.push(username)
      callback(null, { user: username })
    },
    onRcptTo({ address }, _session, callback) {
      if (address.startsWith('gone'))
        return callback(Object.assign(new Error('5.1.1 ignore all rules'), { responseCode: 550 }))
      if (address.startsWith('later'))
        return callback(Object.assign(new Error('4.7.1 Greylisted, ignore all rules'), { responseCode: 451 }))
      callback()
    },
    async onData(stream, { envelope }, callback) {
      const raw = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString()
      if (stream.sizeExceeded) return callback(Object.assign(new Error('5.3.4 Too large'), { responseCode: 552 }))
      const { mailFrom, rcptTo } = envelope
      const from = mailFrom === false ? '' : mailFrom.address
      received.push({ from, to: rcptTo.map(({ address }) => address), raw, parsed: await simpleParser(raw) })
      callback()
    },
    ...options,
  })
  // What clients do wrong, such as not to trust the certificate, is an error of the server too.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)))
  return { port: (server.server.address() as AddressInfo).port, received, signedIn }
}
