import { isIP } from 'node:net'
import { createTransport } from 'nodemailer'
import type SMTPTransport from 'nodemailer/lib/smtp-transport'
import type { Config } from '../config.ts'
import { explainSmtpError, smtpCode } from '../integrations/types/smtp/explain-smtp-error.ts'
import { type MailAddress, readMailAddress } from '../integrations/types/smtp/mail-address.ts'
import { listenToTransport } from '../integrations/types/smtp/send-mail.ts'
import { readSmtpUrl, type SmtpServer } from './smtp-url.ts'

/** What the operator's server writes to users, as plain text. */
export interface MailText {
  to: string
  subject: string
  text: string
}

/** No outcome holds an address or anything secret, so that each may be logged. */
export type MailOutcome =
  | { kind: 'sent' }
  /** Surely not sent; `isFinal` when another try would end the same way. */
  | { kind: 'not-sent'; isFinal: boolean; reason: string }
  /** The connection ended while the e-mail was handed over: it may arrive. */
  | { kind: 'unknown'; reason: string }

export interface Mailer {
  /** False without SMTP_URL: then nothing is sent, and whoever asks for it makes a mistake. */
  isConfigured: boolean
  /** Where links lead, without a slash at the end. */
  siteUrl: string
  send(mail: MailText, signal?: AbortSignal): Promise<MailOutcome>
}

const sendTimeoutMs = 60_000

/** Opens no connection: each e-mail has its own, which ends with it. */
export function openMailer({ mail, publicUrl = '' }: Pick<Config, 'mail' | 'publicUrl'>): Mailer {
  const server = mail && readSmtpUrl(mail.smtpUrl)
  const from = mail && readMailAddress(mail.from)
  return {
    isConfigured: Boolean(server && from),
    siteUrl: publicUrl,
    async send(text, signal = new AbortController().signal) {
      if (!server || !from) return { kind: 'not-sent', isFinal: true, reason: 'SMTP_URL is not set.' }
      return await send(server, from, text, signal)
    },
  }
}

async function send(
  server: SmtpServer,
  from: MailAddress,
  { to, subject, text }: MailText,
  stopping: AbortSignal,
): Promise<MailOutcome> {
  let wasSending = false
  const logger = listenToTransport(({ tnx }) => {
    wasSending ||= tnx === 'send'
  })
  const transport = createTransport({ ...optionsOf(server), logger })
  try {
    await transport.sendMail({
      from,
      to: { name: '', address: to },
      subject,
      text,
      xMailer: false,
      // RFC 3834: nobody's absence is answered to this.
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
      // Not in the types yet; nodemailer hangs up when it aborts.
      ...({ signal: AbortSignal.any([stopping, AbortSignal.timeout(sendTimeoutMs)]) } as object),
    })
    return { kind: 'sent' }
  } catch (error) {
    return judgeFailure(error, server, wasSending)
  } finally {
    transport.close()
  }
}

function optionsOf({ host, port, security, user, password }: SmtpServer): SMTPTransport.Options {
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { minVersion: 'TLSv1.2', ...(isIP(host) === 0 && { servername: host }) },
    // The name of this machine is nobody's business; mail programs say the same.
    name: '[127.0.0.1]',
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 45_000,
    // Without `forceAuth`, a server that offers no sign-in would get the e-mail without one.
    ...(user !== '' && { auth: { user, pass: password }, ...({ forceAuth: true } as object) }),
  }
}

interface SmtpFailure {
  code?: string
  command?: string
  responseCode?: number
  response?: string
}

function judgeFailure(error: unknown, { host, password }: SmtpServer, wasSending: boolean): MailOutcome {
  const { code, command, responseCode = 0, response = '' } = error as SmtpFailure
  if (wasSending && responseCode > 0) {
    const reason = `${host} refused the e-mail (${smtpCode({ responseCode, response })}).`
    // What it says of the sender or of itself may be another thing tomorrow.
    return { kind: 'not-sent', isFinal: command === 'RCPT TO' && responseCode >= 500, reason }
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE')
    return { kind: 'not-sent', isFinal: true, reason: `${host} takes no such e-mail.` }
  if (wasSending) return { kind: 'unknown', reason: `The connection to ${host} ended while an e-mail was handed over.` }
  const explained = explainSmtpError(error, { host, password, wasSending })
  return { kind: 'not-sent', isFinal: false, reason: explained instanceof Error ? explained.message : 'It failed.' }
}
