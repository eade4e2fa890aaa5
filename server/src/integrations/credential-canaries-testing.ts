import { randomBytes } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { onTestFinished } from 'vitest'

/** A secret that is found wherever it goes: its core survives every way of writing it down. */
export interface Canary {
  of: string
  secret: string
  core: string
}

export interface Canaries {
  all: Canary[]
  /** With signs around it that URLs, JSON and HTML write differently. */
  plant(of: string): string
  /** What a provider gave out. */
  add(of: string, secret: string): string
}

export function createCanaries(): Canaries {
  const all: Canary[] = []
  const add = (of: string, secret: string) => {
    // The middle: the beginning may be a prefix that all have, and the last four characters may be shown.
    const core = secret.length < 40 ? secret.slice(0, -4) : secret.slice(6, -6)
    all.push({ of, secret, core })
    return secret
  }
  return {
    all,
    add,
    plant(of) {
      const core = `canary${randomBytes(10).toString('hex')}`
      const secret = `q"/+${core}%&<=last`
      all.push({ of, secret, core })
      return secret
    },
  }
}

/** The ways in which the text of a secret may have been written down. */
function formsOf({ secret, core }: Canary): string[] {
  const inBase64 = [0, 1, 2].flatMap((shift) => {
    // Where it begins in a group of three bytes decides about its signs; the first and the last group hold others too.
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(core)]).toString('base64')
    const own = text.slice(4, -4)
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const texts = [core, encodeURIComponent(core), JSON.stringify(core).slice(1, -1), Buffer.from(core).toString('hex')]
  const reversed = [secret, core, JSON.stringify(core).slice(1, -1)].map((text) => [...text].reverse().join(''))
  return [...texts, ...inBase64, ...reversed].flatMap((text) => [text, text.toLowerCase()])
}

/** Which canaries are in which place, as `<whose> in <where>`. */
export function sweep(canaries: Iterable<Canary>, places: Iterable<[where: string, text: string]>): string[] {
  const wanted = [...canaries].flatMap((canary) =>
    [...new Set(formsOf(canary))].map((form) => ({ of: canary.of, form })),
  )
  // A text is read once and asks at each of its places what begins there; once for each form would be two thousand times.
  const length = Math.min(...wanted.map(({ form }) => form.length))
  const byBeginning = Map.groupBy(wanted, ({ form }) => form.slice(0, length))
  const found = new Set<string>()
  for (const [where, text] of places)
    for (let at = 0; at + length <= text.length; at++)
      for (const { of, form } of byBeginning.get(text.slice(at, at + length)) ?? [])
        if (text.startsWith(form, at)) found.add(`${of} in ${where}`)
  return [...found]
}

export type MirrorMode = 'ok' | 'unauthorized' | 'broken' | 'elsewhere'

/** A hostile provider: answers every request with all that it got, in the status that is asked of it. */
export async function startMirror() {
  const state = { mode: 'ok' as MirrorMode, got: [] as string[] }
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method, url = '', headers } = request
    const body = Buffer.concat(chunks).toString('utf8')
    const [, basic = ''] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? []
    const all = { method, url, headers, body, name: Buffer.from(basic, 'base64').toString(), read: readEscaped(url) }
    const text = JSON.stringify(all)
    state.got.push(text, all.name, readEscaped(url), readEscaped(body))
    const { mode } = state
    const status = { ok: 200, unauthorized: 401, broken: 500, elsewhere: 302 }[url.startsWith('/stolen') ? 'ok' : mode]
    const error = encodeURIComponent(text).slice(0, 3000)
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-echo': error,
      ...(mode === 'unauthorized' && { 'www-authenticate': `Bearer error="${error}"` }),
      ...(mode === 'elsewhere' && { location: `/stolen?all=${error}` }),
    })
    const said = { error: headers.authorization ?? text, error_description: text, message: text, detail: text }
    response.end(JSON.stringify({ ...said, echo: all, results: [{ title: text, url: text, content: text }] }))
  })
  return Object.assign(state, { url: `http://127.0.0.1:${await listen(server)}` })
}

/** A mail server that refuses everybody and repeats what they said; lines of base64 as they are and read. */
export async function startImapMirror() {
  const got: string[] = []
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.write('* OK [CAPABILITY IMAP4rev1 LOGIN] ready\r\n')
    socket.on('data', (chunk) => {
      for (const line of chunk.toString('utf8').split('\r\n').filter(Boolean)) {
        got.push(line)
        const [tag = '*', command = ''] = line.split(' ')
        if (/^(capability|id|noop)$/i.test(command)) {
          if (/capability/i.test(command)) socket.write('* CAPABILITY IMAP4rev1\r\n')
          socket.write(`${tag} OK done\r\n`)
        } else if (/^logout$/i.test(command)) socket.end(`* BYE\r\n${tag} OK bye\r\n`)
        else socket.write(`${tag} NO [AUTHENTICATIONFAILED] You said ${line}\r\n`)
      }
    })
  })
  return { got, port: await listen(server) }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        if ('closeAllConnections' in server) (server.closeAllConnections as () => void)()
        server.close(() => resolve())
      }),
  )
  return (server.address() as AddressInfo).port
}

function readEscaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
