import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { findDovecot } from '../../../testing/installed-programs.ts'
import type { TestCertificate } from '../../certificate-testing.ts'

export const user = 'anna@example.com'
export const password = 'canary-imap-password-1'

const program = findDovecot()
/** Debian: `dovecot-imapd`. */
export const hasDovecot = program !== null

export interface TestMail {
  raw: string
  isSeen?: boolean
  mailbox?: string
}

/** A real Dovecot for one test: IMAP on a port of its own, with STARTTLS where a certificate is given. */
export async function startDovecot(mails: TestMail[], tls?: TestCertificate) {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-dovecot-'))
  const port = await freePort()
  const { uid, gid, username } = userInfo()
  const isRoot = uid === 0
  await chmod(folder, 0o755)
  const mailFolder = join(folder, 'mail')
  // Dovecot never opens mailboxes of root.
  const reader = isRoot ? { uid: 65_534, gid: 65_534 } : { uid, gid }
  for (const { raw, isSeen, mailbox } of mails) await store(mailFolder, raw, isSeen === true, mailbox)
  if (isRoot)
    for (const name of ['', ...(await readdir(mailFolder, { recursive: true }))])
      await chown(join(mailFolder, name), reader.uid, reader.gid)
  if (tls) {
    await writeFile(join(folder, 'cert.pem'), tls.cert)
    await writeFile(join(folder, 'key.pem'), tls.key, { mode: 0o600 })
  }
  await writeFile(join(folder, 'users'), `${user}:{PLAIN}${password}::::::\n`)
  const own = isRoot ? '' : `default_login_user = ${username}\ndefault_internal_user = ${username}\n`
  await writeFile(
    join(folder, 'dovecot.conf'),
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap
listen = 127.0.0.1
${own}${isRoot ? '' : `default_internal_group = ${gid}\n`}first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:${mailFolder}
disable_plaintext_auth = ${tls ? 'yes' : 'no'}
auth_failure_delay = 0 secs
ssl = ${tls ? 'yes' : 'no'}
${tls ? `ssl_cert = <${folder}/cert.pem\nssl_key = <${folder}/key.pem\n` : ''}passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = static
  args = uid=${reader.uid} gid=${reader.gid} home=${folder}
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
`,
  )
  const child = spawn(program ?? '', ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const log = () => readFile(join(folder, 'log'), 'utf8').catch(() => '')
  for (let waited = 0; !(await log()).includes('starting up'); waited += 50) {
    if (child.exitCode !== null || waited > 10_000) throw new Error(`Dovecot does not start: ${said}${await log()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  /** Names of the files of the inbox; Maildir keeps the flags in them. */
  const files = async () =>
    (
      await Promise.all(
        ['cur', 'new'].map(async (name) => (await readdir(join(mailFolder, name))).map((one) => `${name}/${one}`)),
      )
    )
      .flat()
      .sort()
  return { port, files, log }
}

let stored = 0

async function store(root: string, raw: string, isSeen: boolean, mailbox?: string): Promise<void> {
  const folder = mailbox ? join(root, `.${mailbox}`) : root
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(folder, name), { recursive: true })
  const name = `${1_700_000_000 + ++stored}.M${stored}P1.test:2,${isSeen ? 'S' : ''}`
  await writeFile(join(folder, 'cur', name), raw.replace(/\r?\n/g, '\r\n'))
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
