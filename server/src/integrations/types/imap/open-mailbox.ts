import { isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ImapFlow, type ImapFlowOptions } from 'imapflow'
import { cleanToolText } from '../../clean-tool-text.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { openServiceSocket } from '../../open-service-socket.ts'

const timeoutMs = 45_000
export const defaultMailbox = 'INBOX'

interface ImapError extends Error {
  code?: string
  authenticationFailed?: boolean
  serverResponseCode?: string
  responseText?: string
  responseStatus?: string
  mailboxMissing?: boolean
}

/** Signs in, does the work, and hangs up. Throws `ConnectionFailed`. */
export async function withClient<Result>(
  connection: Connection,
  work: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  const { settings } = connection
  const host = String(settings.host).trim()
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = AbortSignal.any([connection.signal, timeout])
  let client: ImapFlow | null = null
  const hangUp = () => client?.close()
  try {
    const { place, socket } = await openServiceSocket(
      connection,
      { host, port: Number(settings.port), ports: [143, 993], isEncrypted: settings.security !== 'none' },
      signal,
    )
    socket.setTimeout(0)
    client = new ImapFlow(clientOptions(connection, place.host, socket))
    // An error of an idle connection; calls reject by themselves.
    client.on('error', () => {})
    signal.addEventListener('abort', hangUp, { once: true })
    signal.throwIfAborted()
    await client.connect()
    return await work(client)
  } catch (error) {
    if (connection.signal.aborted) throw connection.signal.reason
    if (timeout.aborted) throw new ConnectionFailed('unreachable', `${host} did not answer in time.`, error)
    throw explainImapError(error, host, String(connection.credentials.password ?? ''))
  } finally {
    signal.removeEventListener('abort', hangUp)
    hangUp()
  }
}

/** The mailbox is opened with EXAMINE: nothing that is read in it is marked as seen, and nothing can be changed. */
export function withMailbox<Result>(
  connection: Connection,
  path: string,
  work: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  const unknown = () =>
    new UnknownMailbox(`There is no mailbox ${JSON.stringify(path)}. list_mailboxes names those there are.`)
  return withClient(connection, async (client) => {
    if (/\p{Cc}/u.test(path)) throw unknown()
    const opened = await client.mailboxOpen(path, { readOnly: true }).catch((error: ImapError) => {
      if (error.responseStatus !== 'NO' && error.mailboxMissing !== true) throw error
      throw unknown()
    })
    if (opened.readOnly === false) throw new Error('The server did not open the mailbox for reading alone.')
    return await work(client)
  })
}

/** For the model: the connection itself is all right. */
export class UnknownMailbox extends Error {}

function clientOptions({ settings, credentials }: Connection, host: string, socket: Socket): ImapFlowOptions {
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const encrypt = (plain: unknown, onSecure: () => void) =>
    connectTls({ socket: plain as Socket, host, minVersion: 'TLSv1.2', ...servername }, onSecure)
  return {
    host,
    port: Number(settings.port),
    secure: settings.security === 'tls',
    doSTARTTLS: settings.security === 'starttls',
    ...servername,
    auth: { user: String(settings.user), pass: String(credentials.password) },
    transport: {
      connect({ secure }, onConnect) {
        if (secure) return encrypt(socket, onConnect)
        setImmediate(onConnect)
        return socket
      },
      upgrade: (plain, _options, onSecure) => encrypt(plain, onSecure),
    },
    clientInfo: { name: 'AgentExpress', version: false, vendor: false, 'support-url': false },
    logger: false,
    disableAutoIdle: true,
    // A server could pack a little into very much.
    disableCompression: true,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: timeoutMs,
    maxLineLength: 4 * 1024 * 1024,
    maxLiteralSize: 4 * 1024 * 1024,
    maxResponseSize: 16 * 1024 * 1024,
    maxResponseTokens: 200_000,
  }
}

function explainImapError(error: unknown, host: string, password: string): unknown {
  if (!(error instanceof Error) || error instanceof ConnectionFailed || error instanceof UnknownMailbox) return error
  const { code = '', authenticationFailed, serverResponseCode, responseText = '', responseStatus } = error as ImapError
  if (authenticationFailed) {
    const text = password === '' ? responseText : responseText.replaceAll(password, '[hidden]')
    const said = text === '' ? '' : ` ${cleanToolText(text.replace(/\s+/g, ' '), 200)}`
    // RFC 5530: the server has trouble of its own.
    return /^(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN)$/.test(serverResponseCode ?? '')
      ? new ConnectionFailed('unreachable', `${host} cannot sign in anybody just now.${said}`, error)
      : new ConnectionFailed('credentials', `${host} does not accept user and password.${said}`, error)
  }
  const text = `${code} ${error.message}`
  if (/expired/i.test(text)) return unsafe(host, 'its certificate has expired.', error)
  if (/altname/i.test(text)) return unsafe(host, 'its certificate is for another name.', error)
  if (/self.signed|DEPTH_ZERO|UNABLE_TO|issuer/i.test(text))
    return unsafe(host, 'its certificate is from nobody this server trusts.', error)
  if (/STARTTLS/i.test(text)) return unsafe(host, 'it does not offer STARTTLS.', error)
  if (/TooLarge|TooManyTokens/.test(code))
    return new ConnectionFailed('refused', `${host} answers with more than can be read.`, error)
  // A command that the server refused; what it wrote may come from an e-mail.
  if (responseStatus) return new Error('The mail server refused this. Ask for something simpler.', { cause: error })
  return new ConnectionFailed(
    'unreachable',
    `The connection to ${host} broke off. Do port and encryption fit? 993 goes with tls, 143 with starttls.`,
    error,
  )
}

const unsafe = (host: string, why: string, cause: unknown) =>
  new ConnectionFailed('unreachable', `No safe connection to ${host}: ${why}`, cause)
