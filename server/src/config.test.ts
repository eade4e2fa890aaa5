import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const root = join(import.meta.dirname, '../..')

function readFaults(environment: Record<string, string>): string[] {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

test('without any variable everything has a default', () => {
  expect(readConfig({})).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    publicUrl: undefined,
    dataDir: resolve('./data'),
    database: { url: undefined, poolSize: 10, usePreparedStatements: undefined, slowQueryMs: 500 },
    isSignUpOpen: true,
    models: { openai: undefined, anthropic: undefined, google: undefined, compatible: undefined, allowed: undefined },
    drainMs: 20_000,
  })
})

test('an empty variable counts as not set', () => {
  expect(readConfig({ PORT: '', OPENAI_API_KEY: '  ', DATABASE_URL: '' })).toEqual(readConfig({}))
})

test('all faults are listed together, by name and never with the value', () => {
  const wrong = {
    PORT: 'many-secret-ports',
    DATABASE_URL: 'mysql://root:hunter2@db/secret-base',
    PUBLIC_URL: 'secret.example.com',
    LOG_LEVEL: 'secretly',
    ADMIN_EMAIL: 'secret at example',
    SIGN_UP: 'secret-maybe',
    DRAIN_SECONDS: '0.5',
    MAX_RUNS: '-77',
    DATABASE_PREPARED_STATEMENTS: 'secret-yes',
    COMPATIBLE_BASE_URL: 'ftp://secret.example',
  }
  const faults = readFaults(wrong)
  for (const name of Object.keys(wrong)) expect(faults.join('\n')).toContain(`${name}: `)
  expect(faults).toContain('PORT: must be a number')
  expect(faults.join('\n')).toContain('COMPATIBLE_MODELS: ')
  for (const value of Object.values(wrong)) expect(faults.join('\n')).not.toContain(value)
  expect(faults.join('\n')).not.toMatch(/secret|hunter2|77/)
  expect(new ConfigError(faults).message).toContain('.env.example')
})

describe('what belongs together', () => {
  test('SMTP_URL needs a sender and an address for links, and each must be one', () => {
    const whole = {
      SMTP_URL: 'smtps://ada:secret@mail.example.com',
      MAIL_FROM: 'Agents <agents@example.com>',
      PUBLIC_URL: 'https://agents.example.com',
    }
    expect(readConfig(whole).mail).toEqual({ smtpUrl: whole.SMTP_URL, from: whole.MAIL_FROM })
    expect(readFaults({ SMTP_URL: whole.SMTP_URL })).toEqual([
      expect.stringMatching(/^MAIL_FROM: /),
      expect.stringMatching(/^PUBLIC_URL: /),
    ])
    expect(readFaults({ MAIL_FROM: whole.MAIL_FROM })).toEqual([expect.stringMatching(/^MAIL_FROM: set SMTP_URL/)])
    const wrong = readFaults({ ...whole, SMTP_URL: 'mail.example.com:secret', MAIL_FROM: 'secret' })
    expect(wrong).toEqual([expect.stringMatching(/^SMTP_URL: /), expect.stringMatching(/^MAIL_FROM: /)])
    expect(wrong.join()).not.toContain('secret')
  })

  test('DIRECT_URL needs DATABASE_URL', () => {
    expect(readFaults({ DIRECT_URL: 'postgresql://postgres@localhost/a' })).toEqual([
      expect.stringMatching(/^DIRECT_URL: set DATABASE_URL/),
    ])
  })

  test('the keys of Stripe need each other and PUBLIC_URL, and their faults do not tell them', () => {
    const whole = {
      STRIPE_SECRET_KEY: 'sk_test_1',
      STRIPE_WEBHOOK_SECRET: 'whsec_old, whsec_new',
      PUBLIC_URL: 'https://agents.example.com',
    }
    expect(readConfig(whole).stripe).toEqual({
      secretKey: 'sk_test_1',
      webhookSecrets: ['whsec_old', 'whsec_new'],
      apiUrl: undefined,
    })
    for (const name of ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'PUBLIC_URL'] as const) {
      const { [name]: _left, ...rest } = whole
      expect(readFaults(rest), name).toEqual([expect.stringMatching(`^${name}: `)])
    }
    const swapped = readFaults({
      ...whole,
      STRIPE_SECRET_KEY: 'whsec_planted',
      STRIPE_WEBHOOK_SECRET: 'pk_live_planted',
    })
    expect(swapped).toEqual([
      expect.stringMatching(/^STRIPE_SECRET_KEY: /),
      expect.stringMatching(/^STRIPE_WEBHOOK_SECRET: /),
    ])
    expect(swapped.join()).not.toContain('planted')
  })

  test('COMPATIBLE_BASE_URL needs the names of its models', () => {
    expect(readFaults({ COMPATIBLE_BASE_URL: 'http://localhost:8000/v1' })).toEqual([
      expect.stringMatching(/^COMPATIBLE_MODELS: /),
    ])
    expect(
      readConfig({ COMPATIBLE_BASE_URL: 'http://localhost:8000/v1/', COMPATIBLE_MODELS: 'a, b,' }).models.compatible,
    ).toEqual({ baseUrl: 'http://localhost:8000/v1', apiKey: undefined, models: ['a', 'b'] })
  })
})

test.each(['0', '65536', '3000.5', '0x10z'])('PORT=%s', (PORT) => {
  // 0 lets the system choose.
  expect(readFaults({ PORT })).toHaveLength(PORT === '0' ? 0 : 1)
})

test('.env.example names exactly the variables that the program reads', async () => {
  const source = await readFile(join(import.meta.dirname, 'config.ts'), 'utf8')
  const schema = source.slice(source.indexOf('const variables = z.object({'), source.indexOf('export type Config'))
  const read = [...schema.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name)
  const example = await readFile(join(root, '.env.example'), 'utf8')
  const documented = [...example.matchAll(/^# ([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name)
  expect(read.length).toBeGreaterThan(25)
  expect(documented.toSorted()).toEqual(read.toSorted())
})

test('a proxy is an address or a network, so that nobody trusts everybody by mistake', () => {
  for (const right of ['127.0.0.1', '10.0.0.0/8, ::1', 'loopback', 'fd00::/8,192.168.1.5', ''])
    expect(readFaults({ TRUST_PROXY: right }), right).toEqual([])
  for (const wrong of ['true', '1', '*', '10.0.0.0/33', '10.0.0.0/', 'proxy.example.com', '10.0.0.1/8/8', 'loopback/8'])
    expect(readFaults({ TRUST_PROXY: wrong }), wrong).toEqual([
      expect.stringMatching(/^TRUST_PROXY: must be addresses/),
    ])
})

test('an address of a database that cannot be read is told before anything is started, without its password', () => {
  const faults = readFaults({ DATABASE_URL: 'postgresql://me:pass/word@host/db' })
  expect(faults).toEqual([expect.stringMatching(/^DATABASE_URL: must look like/)])
  expect(faults.join()).not.toContain('pass/word')
})

test('settings of backups that contradict each other are faults', () => {
  expect(readFaults({ BACKUP_S3_URL: 'https://s3.example.com/bucket', BACKUP_DIR: '/backups' })).toEqual([
    'BACKUP_DIR: set it or BACKUP_S3_URL, not both',
    'BACKUP_S3_ACCESS_KEY_ID: needed with BACKUP_S3_URL',
    'BACKUP_S3_SECRET_ACCESS_KEY: needed with BACKUP_S3_URL',
  ])
  expect(readFaults({ BACKUP_RECIPIENTS: 'age1x', BACKUP_PASSPHRASE: 'x' })).toHaveLength(1)
  expect(readFaults({ BACKUP_EVERY_HOURS: '24' })).toEqual([expect.stringContaining('backups are encrypted')])
})

test('private hosts and local programs that cannot be meant are faults, without the secrets of the programs', () => {
  const hosts = 'nas.local,10.0.0.5:8080,[fd00::5]:443,::1,192.168.7.0/24'
  expect(readConfig({ ALLOWED_PRIVATE_HOSTS: hosts }).allowedPrivateHosts).toHaveLength(5)
  for (const entry of ['http://nas.local', '10.0.0.0/33', 'nas.local/8', '10.0.0.0/8/8', 'a b'])
    expect(readFaults({ ALLOWED_PRIVATE_HOSTS: entry }).join(), entry).toContain('ALLOWED_PRIVATE_HOSTS')
  const files = { command: '/usr/bin/mcp-files' }
  expect(readConfig({ MCP_STDIO_COMMANDS: JSON.stringify({ files }) }).mcpStdioCommands).toEqual({
    files: { ...files, args: [], env: {} },
  })
  const wrong = JSON.stringify({ files: { ...files, env: { 'A-B': 'hunter2' }, shell: true } })
  for (const value of ['{', '[]', '{"Über":{"command":"x"}}', wrong]) {
    const faults = readFaults({ MCP_STDIO_COMMANDS: value }).join()
    expect(faults).toContain('MCP_STDIO_COMMANDS')
    expect(faults).not.toContain('hunter2')
  }
})
