import { cleanToolText } from '../../clean-tool-text.ts'
import { ConnectionFailed } from '../../integration-type.ts'

interface SmtpError extends Error {
  code?: string
  originalCode?: string
  command?: string
  response?: string
  responseCode?: number
  rejectedErrors?: SmtpError[]
  recipient?: string
}

export interface SmtpTalk {
  host: string
  password: string
  /** The e-mail itself may have been on its way. */
  wasSending: boolean
}

/**
 * What went wrong, for the owner and for the model. What the server wrote is repeated only of signing in: later, a
 * stranger's server may have put it there.
 */
export function explainSmtpError(error: unknown, talk: SmtpTalk): unknown {
  if (!(error instanceof Error) || error instanceof ConnectionFailed) return error
  const { host } = talk
  const { code = '', command = '', responseCode = 0 } = error as SmtpError
  if (command.startsWith('AUTH') || code === 'EAUTH') return explainSignIn(error, talk)
  if (code === 'ETLS' || isTlsError(error))
    return new ConnectionFailed('unreachable', `No safe connection to ${host}: ${explainTls(error)}`, error)
  if (/^(MAIL FROM|RCPT TO|DATA)$/.test(command) && responseCode > 0) return explainRefusal(error)
  if (code === 'EMESSAGE') return new Error('The e-mail is larger than the server takes.')
  if (code === 'EENVELOPE') return new Error('The server does not take this sender or one of these addresses.')
  if (talk.wasSending)
    return new Error(
      `The connection to ${host} ended while the e-mail was handed over: whether it goes out is not known. Do not send it again without asking the owner.`,
      { cause: error },
    )
  if (responseCode > 0)
    return new ConnectionFailed('refused', `${host} refuses to talk to this server (${responseCode}).`, error)
  if (code === 'ETIMEDOUT' || code === 'EABORT' || error.name === 'TimeoutError')
    return new ConnectionFailed('unreachable', `${host} did not answer in time.`, error)
  return new ConnectionFailed(
    'unreachable',
    `The connection to ${host} broke off. Do port and encryption fit? 465 goes with tls, 587 with starttls.`,
    error,
  )
}

/** `550`, and what the server had to say in numbers: 5.1.1 (RFC 3463). */
export function smtpCode({ responseCode, response = '' }: { responseCode?: number; response?: string }): string {
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1]
  return [responseCode ?? 'no code', enhanced].filter(Boolean).join(' ')
}

function explainSignIn(error: SmtpError, { host, password }: SmtpTalk): ConnectionFailed {
  const { responseCode = 0, response = '' } = error
  if (responseCode === 0)
    return new ConnectionFailed('refused', `${host} offers no way to sign in over this connection.`, error)
  const said = cleanToolText(withoutPassword(response, password).replace(/\s+/g, ' '), 200)
  // RFC 4954: 454 and other 4yz are trouble of the server's own.
  return responseCode < 500
    ? new ConnectionFailed('unreachable', `${host} cannot check the sign-in just now: ${said}`, error)
    : new ConnectionFailed('credentials', `${host} does not accept user and password: ${said}`, error)
}

/** A server may repeat what it was sent, in base64 of AUTH LOGIN and AUTH PLAIN. */
function withoutPassword(text: string, password: string): string {
  if (password === '') return text
  const encoded = Buffer.from(password).toString('base64')
  return text
    .replaceAll(password, '[hidden]')
    .replaceAll(encoded, '[hidden]')
    .replace(/[A-Za-z0-9+/]{8,}={0,2}/g, (word) =>
      Buffer.from(word, 'base64').toString().includes(password) ? '[hidden]' : word,
    )
}

function explainRefusal(error: SmtpError): Error {
  const parts = error.rejectedErrors?.map((one) => `${one.recipient} (${smtpCode(one)})`) ?? []
  const whom = parts.length > 0 ? ` for ${parts.join(', ')}` : ''
  return (error.responseCode ?? 0) < 500
    ? new Error(
        `The server did not take the e-mail yet${whom || ` (${smtpCode(error)})`}. It was not sent; trying again in some minutes may work.`,
      )
    : new Error(`The server refused the e-mail${whom || ` (${smtpCode(error)})`}. It was not sent.`)
}

function isTlsError({ message, ...error }: SmtpError): boolean {
  const code = error.originalCode ?? error.code ?? ''
  return (
    /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|EPROTO)/.test(code) || /certificate|SSL/i.test(message)
  )
}

function explainTls(error: SmtpError): string {
  const text = `${error.originalCode ?? ''} ${error.message}`
  if (/expired/i.test(text)) return 'its certificate has expired.'
  if (/altnames|ALTNAME/i.test(text)) return 'its certificate is for another name.'
  if (/self.signed|DEPTH_ZERO|UNABLE_TO|issuer/i.test(text)) return 'its certificate is from nobody this server trusts.'
  if (/STARTTLS/i.test(text)) return 'it does not offer STARTTLS.'
  return 'the encryption could not be agreed on. Do port and encryption fit? 465 goes with tls, 587 with starttls.'
}
