import { isIP } from 'node:net'
import { createTransport } from 'nodemailer'
import type SMTPTransport from 'nodemailer/lib/smtp-transport'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { openServiceSocket } from '../../open-service-socket.ts'
import { explainSmtpError, smtpCode } from './explain-smtp-error.ts'
import type { Mail } from './read-mail.ts'

export const smtpPorts = [25, 465, 587]
const testTimeoutMs = 14_000
const sendTimeoutMs = 60_000

export interface SentMail {
  message_id: string
  accepted: string[]
  /** Whom the server refused while it took the e-mail for the others. */
  rejected: { address: string; reason: string }[]
}

/** Connects, and signs in where a user is named; sends nothing. */
export async function verifyServer(connection: Connection): Promise<void> {
  await withTransport(connection, testTimeoutMs, (transport, signal) => orAbort(transport.verify(), signal))
}

/** Sends once, as the owner and nobody else. Throws `ConnectionFailed` before, and an Error for refusals. */
export async function sendMail(connection: Connection, mail: Mail): Promise<SentMail> {
  const { settings } = connection
  const from = { name: String(settings.from_name ?? ''), address: String(settings.from_address) }
  const info = await withTransport(connection, sendTimeoutMs, (transport, signal) =>
    transport.sendMail({
      from,
      to: mail.to,
      cc: mail.cc,
      bcc: mail.bcc,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      inReplyTo: mail.inReplyTo,
      references: mail.inReplyTo,
      replyTo: mail.replyTo,
      xMailer: false,
      disableFileAccess: true,
      disableUrlAccess: true,
      // Not in the types yet; nodemailer hangs up when it aborts.
      ...({ signal } as object),
    }),
  )
  return {
    message_id: info.messageId,
    accepted: info.accepted.map(textOf),
    rejected: (info.rejectedErrors ?? []).map((error) => ({
      address: String((error as { recipient?: string }).recipient ?? ''),
      reason: `The server refused it (${smtpCode(error)}).`,
    })),
  }
}

const textOf = (address: string | { address: string }) => (typeof address === 'string' ? address : address.address)

type Transport = ReturnType<typeof createTransport<SMTPTransport.SentMessageInfo, SMTPTransport.Options>>

async function withTransport<Result>(
  connection: Connection,
  timeoutMs: number,
  work: (transport: Transport, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { settings, credentials } = connection
  const host = String(settings.host).trim()
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = AbortSignal.any([connection.signal, timeout])
  const isEncrypted = settings.security !== 'none'
  const opened = await openServiceSocket(
    connection,
    { host, port: Number(settings.port), ports: smtpPorts, isEncrypted },
    signal,
  ).catch((error: unknown) => {
    if (timeout.aborted && !connection.signal.aborted) throw noAnswer(host, error)
    throw error
  })
  let wasSending = false
  const onLog = ({ tnx }: { tnx?: string }) => {
    wasSending ||= tnx === 'send'
  }
  const transport = createTransport({ ...options(connection, opened.place.host), logger: listenToTransport(onLog) })
  const transporter = transport.transporter as unknown as SMTPTransport
  transporter.getSocket = (_options, callback) => callback(null, { connection: opened.socket })
  try {
    return await work(transport, signal)
  } catch (error) {
    if (connection.signal.aborted) throw connection.signal.reason
    throw explainSmtpError(error, { host, password: String(credentials.password ?? ''), wasSending })
  } finally {
    transport.close()
    opened.socket.destroy()
  }
}

function options({ settings, credentials }: Connection, host: string): SMTPTransport.Options {
  const user = String(settings.user ?? '').trim()
  return {
    host,
    port: Number(settings.port),
    secure: settings.security === 'tls',
    requireTLS: settings.security === 'starttls',
    ignoreTLS: settings.security === 'none',
    tls: { minVersion: 'TLSv1.2', ...(isIP(host) === 0 && { servername: host }) },
    // The name of this machine is nobody's business; mail programs say the same.
    name: '[127.0.0.1]',
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 45_000,
    disableFileAccess: true,
    disableUrlAccess: true,
    // Without `forceAuth`, a server that offers no sign-in would get the e-mail without one.
    ...(user !== '' && {
      auth: { user, pass: String(credentials.password ?? '') },
      ...({ forceAuth: true } as object),
    }),
  }
}

/** nodemailer says only in its log that it begins to send. */
export function listenToTransport(onLog: (entry: { tnx?: string }) => void) {
  const quiet = () => {}
  return { level: quiet, trace: quiet, debug: quiet, info: onLog, warn: quiet, error: quiet, fatal: quiet } as never
}

const noAnswer = (host: string, cause: unknown) =>
  new ConnectionFailed('unreachable', `${host} did not answer in time.`, cause)

function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
