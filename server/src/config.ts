import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { checkJwtSecret, isFetchedSafely } from './auth/supabase-settings.ts'
import { mcpStdioCommands } from './integrations/types/mcp/stdio-commands.ts'
import { isMailAddress, isSmtpUrl } from './mail/smtp-url.ts'
import { isAllowedHost } from './url-guard/resolve-host.ts'

const optionalText = z.string().trim().min(1).optional()
const seconds = (fallback: number, max = 3600) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(max)
    .default(fallback)
    .transform((value) => value * 1000)
const count = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback)
const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )
const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
  .refine(
    (value) => URL.canParse(value),
    'must look like postgresql://user:password@host:5432/database; signs such as @ or / in the password are written as %40 or %2F',
  )
  .optional()
/** What the proxy-addr package takes: addresses, networks and its three names. */
const isProxy = (value: string) => {
  const [address = '', bits, ...more] = value.split('/')
  const version = isIP(address)
  if (version === 0) return bits === undefined && ['loopback', 'linklocal', 'uniquelocal'].includes(address)
  return (
    more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
  )
}
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((value) => value.replace(/\/+$/, ''))

// Whoever can change what comes over plain http from the internet could put a key of their own among Supabase's.
const supabaseUrl = httpUrl.refine(isFetchedSafely, 'must be an https URL, or http in a private network')

/** Every variable the program reads; documented for people in `.env.example`. */
const variables = z.object({
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  HOST: z.string().trim().min(1).default('127.0.0.1'),
  PUBLIC_URL: httpUrl.optional(),
  TRUST_PROXY: list.refine(
    (values) => values.every(isProxy),
    'must be addresses (127.0.0.1), networks (10.0.0.0/8) or loopback, linklocal, uniquelocal, with commas between',
  ),
  DATA_DIR: z.string().trim().min(1).default('./data'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  DATABASE_URL: postgresUrl,
  DIRECT_URL: postgresUrl,
  DATABASE_POOL_SIZE: count(10, 500),
  DATABASE_PREPARED_STATEMENTS: z.enum(['auto', 'true', 'false', '1', '0']).default('auto'),
  SLOW_QUERY_MS: z.coerce.number().int().min(0).max(600_000).default(500),
  SIGNING_KEY: optionalText,
  ENCRYPTION_KEYS: optionalText,
  ADMIN_EMAIL: z
    .email()
    .transform((value) => value.toLowerCase())
    .optional(),
  SIGN_UP: z.enum(['open', 'closed']).default('open'),
  SUPABASE_URL: supabaseUrl
    .refine(
      (value) => !/[?#]|\/\/[^/]*@|\/(auth|rest)\/v1$/.test(value),
      'must be the address of the project alone, such as https://<project>.supabase.co',
    )
    .optional(),
  SUPABASE_JWKS_URL: supabaseUrl.optional(),
  SUPABASE_JWT_SECRET: optionalText,
  OPENAI_API_KEY: optionalText,
  OPENAI_BASE_URL: httpUrl.optional(),
  ANTHROPIC_API_KEY: optionalText,
  ANTHROPIC_BASE_URL: httpUrl.optional(),
  GOOGLE_API_KEY: optionalText,
  GOOGLE_BASE_URL: httpUrl.optional(),
  COMPATIBLE_BASE_URL: httpUrl.optional(),
  COMPATIBLE_API_KEY: optionalText,
  COMPATIBLE_MODELS: list,
  OLLAMA_BASE_URL: httpUrl.default('http://127.0.0.1:11434'),
  DEFAULT_MODEL: optionalText,
  MODELS: list,
  ALLOWED_PRIVATE_HOSTS: list.refine(
    (values) => values.every(isAllowedHost),
    'must be hosts (nas.local), hosts with a port (10.0.0.5:8080, [::1]:80), addresses or networks (10.0.0.0/8), with commas between',
  ),
  MCP_STDIO_COMMANDS: mcpStdioCommands,
  RUN_TIMEOUT_SECONDS: seconds(120, 3600),
  MODEL_FIRST_BYTE_TIMEOUT_SECONDS: seconds(60, 3600),
  MODEL_IDLE_TIMEOUT_SECONDS: seconds(30, 3600),
  RUN_MAX_STEPS: count(8, 100),
  RUN_MAX_TOOL_CALLS: count(20, 1000),
  APPROVAL_EXPIRES_HOURS: count(168, 8760),
  MAX_RUNS: count(200, 100_000),
  MAX_RUNS_PER_USER: count(100, 100_000),
  DRAIN_SECONDS: seconds(20, 600),
  SMTP_URL: optionalText.refine(
    (value) => value === undefined || isSmtpUrl(value),
    'must look like smtps://user:password@host:465 or smtp://user:password@host:587; signs such as @ or / in the password are written as %40 or %2F',
  ),
  MAIL_FROM: optionalText.refine(
    (value) => value === undefined || isMailAddress(value),
    'must be an address such as agents@example.com, or a name with one: Agents <agents@example.com>',
  ),
  LOG_RETENTION_DAYS: z.coerce.number().int().min(1).max(36_500).optional(),
  BACKUP_DIR: optionalText,
  BACKUP_S3_URL: httpUrl.optional(),
  BACKUP_S3_REGION: z.string().trim().min(1).default('us-east-1'),
  BACKUP_S3_ACCESS_KEY_ID: optionalText,
  BACKUP_S3_SECRET_ACCESS_KEY: optionalText,
  BACKUP_RECIPIENTS: list,
  BACKUP_PASSPHRASE: optionalText,
  BACKUP_IDENTITY: optionalText,
  BACKUP_EVERY_HOURS: z.coerce.number().int().min(1).max(10_000).optional(),
  BACKUP_KEEP: count(7, 10_000),
  BACKUP_VERIFY_EVERY_HOURS: count(168, 10_000),
  BACKUP_ALERT_AFTER_HOURS: count(192, 10_000),
  BACKUP_ALERT_URL: httpUrl.optional(),
  GRACE_DAYS: z.coerce.number().int().min(0).max(365).default(7),
  STRIPE_SECRET_KEY: optionalText.refine(
    (value) => value === undefined || /^(sk|rk)_[\w]+$/.test(value),
    'must be a secret (sk_...) or restricted (rk_...) key',
  ),
  STRIPE_WEBHOOK_SECRET: list.refine(
    (values) => values.every((value) => /^whsec_\S+$/.test(value)),
    'must begin with whsec_; several, while one takes the place of another, with commas between',
  ),
  STRIPE_API_URL: httpUrl.optional(),
})

export type Config = ReturnType<typeof readConfig>

/** Thrown with every fault of the configuration at once, by variable name and never with its value. */
export class ConfigError extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    super(
      `These settings are not right:\n${faults.map((fault) => `  ${fault}`).join('\n')}\n.env.example says what each may be.`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

const toFault = (message: string) =>
  message.replace(/^Invalid input: /, '').replace('expected number, received NaN', 'must be a number')

/** Reads and checks the environment; an empty variable counts as not set. Throws `ConfigError`. */
export function readConfig(environment: Record<string, string | undefined> = process.env) {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const parsed = variables.safeParse(present)
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${toFault(issue.message)}`)
  if (present.DIRECT_URL && !present.DATABASE_URL)
    faults.push('DIRECT_URL: set DATABASE_URL too, or neither for the embedded PostgreSQL')
  if (present.COMPATIBLE_BASE_URL && !present.COMPATIBLE_MODELS)
    faults.push('COMPATIBLE_MODELS: name at least one model of COMPATIBLE_BASE_URL')
  faults.push(...findBackupFaults(present), ...findSupabaseFaults(present))
  faults.push(...findOAuthFaults(present), ...findMailFaults(present))
  faults.push(...findStripeFaults(present))
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults)
  const v = parsed.data
  return {
    port: v.PORT,
    host: v.HOST,
    publicUrl: v.PUBLIC_URL,
    trustProxy: v.TRUST_PROXY,
    dataDir: resolve(v.DATA_DIR),
    logLevel: v.LOG_LEVEL,
    database: {
      url: v.DATABASE_URL,
      directUrl: v.DIRECT_URL,
      poolSize: v.DATABASE_POOL_SIZE,
      /** Undefined: it is found out at start. */
      usePreparedStatements:
        v.DATABASE_PREPARED_STATEMENTS === 'auto' ? undefined : /true|1/.test(v.DATABASE_PREPARED_STATEMENTS),
      slowQueryMs: v.SLOW_QUERY_MS,
    },
    signingKey: v.SIGNING_KEY,
    encryptionKeys: v.ENCRYPTION_KEYS,
    adminEmail: v.ADMIN_EMAIL,
    isSignUpOpen: v.SIGN_UP === 'open',
    /** Undefined: tokens of Supabase Auth are not accepted. */
    supabase: v.SUPABASE_URL
      ? {
          issuer: `${v.SUPABASE_URL}/auth/v1`,
          jwksUrl: v.SUPABASE_JWKS_URL ?? `${v.SUPABASE_URL}/auth/v1/.well-known/jwks.json`,
          jwtSecret: v.SUPABASE_JWT_SECRET,
        }
      : undefined,
    models: {
      openai: v.OPENAI_API_KEY ? { apiKey: v.OPENAI_API_KEY, baseUrl: v.OPENAI_BASE_URL } : undefined,
      anthropic: v.ANTHROPIC_API_KEY ? { apiKey: v.ANTHROPIC_API_KEY, baseUrl: v.ANTHROPIC_BASE_URL } : undefined,
      google: v.GOOGLE_API_KEY ? { apiKey: v.GOOGLE_API_KEY, baseUrl: v.GOOGLE_BASE_URL } : undefined,
      compatible: v.COMPATIBLE_BASE_URL
        ? { baseUrl: v.COMPATIBLE_BASE_URL, apiKey: v.COMPATIBLE_API_KEY, models: v.COMPATIBLE_MODELS }
        : undefined,
      ollama: { baseUrl: v.OLLAMA_BASE_URL },
      allowed: v.MODELS.length > 0 ? v.MODELS : undefined,
      defaultModel: v.DEFAULT_MODEL,
    },
    allowedPrivateHosts: v.ALLOWED_PRIVATE_HOSTS,
    /** The clients that the operator registered at providers, by type of integration. */
    oauthClients: readOAuthClients(present),
    mcpStdioCommands: v.MCP_STDIO_COMMANDS,
    runs: {
      timeoutMs: v.RUN_TIMEOUT_SECONDS,
      firstByteTimeoutMs: v.MODEL_FIRST_BYTE_TIMEOUT_SECONDS,
      idleTimeoutMs: v.MODEL_IDLE_TIMEOUT_SECONDS,
      maxSteps: v.RUN_MAX_STEPS,
      maxToolCalls: v.RUN_MAX_TOOL_CALLS,
      approvalExpiresMs: v.APPROVAL_EXPIRES_HOURS * 3_600_000,
      maxRuns: v.MAX_RUNS,
      maxRunsPerUser: v.MAX_RUNS_PER_USER,
    },
    drainMs: v.DRAIN_SECONDS,
    /** Undefined: no e-mails. */
    mail: v.SMTP_URL && v.MAIL_FROM ? { smtpUrl: v.SMTP_URL, from: v.MAIL_FROM } : undefined,
    /** Null: logs of users whose plan says nothing are kept for ever. */
    logRetentionDays: v.LOG_RETENTION_DAYS ?? null,
    backup: {
      dir: resolve(v.BACKUP_DIR ?? `${v.DATA_DIR}/backups`),
      s3:
        v.BACKUP_S3_URL && v.BACKUP_S3_ACCESS_KEY_ID && v.BACKUP_S3_SECRET_ACCESS_KEY
          ? {
              url: v.BACKUP_S3_URL,
              region: v.BACKUP_S3_REGION,
              accessKeyId: v.BACKUP_S3_ACCESS_KEY_ID,
              secretAccessKey: v.BACKUP_S3_SECRET_ACCESS_KEY,
            }
          : undefined,
      recipients: v.BACKUP_RECIPIENTS,
      passphrase: v.BACKUP_PASSPHRASE,
      identity: v.BACKUP_IDENTITY,
      /** Undefined: no backups by themselves. */
      everyHours: v.BACKUP_EVERY_HOURS,
      keep: v.BACKUP_KEEP,
      verifyEveryHours: v.BACKUP_VERIFY_EVERY_HOURS,
      alertAfterHours: v.BACKUP_ALERT_AFTER_HOURS,
      alertUrl: v.BACKUP_ALERT_URL,
    },
    /** After a payment failed: how long runs go on. */
    graceDays: v.GRACE_DAYS,
    /** Undefined: plans are assigned by hand. */
    stripe: v.STRIPE_SECRET_KEY
      ? { secretKey: v.STRIPE_SECRET_KEY, webhookSecrets: v.STRIPE_WEBHOOK_SECRET, apiUrl: v.STRIPE_API_URL }
      : undefined,
  }
}

function findBackupFaults(present: Record<string, string | undefined>): string[] {
  const faults: string[] = []
  if (present.BACKUP_S3_URL) {
    if (present.BACKUP_DIR) faults.push('BACKUP_DIR: set it or BACKUP_S3_URL, not both')
    for (const name of ['BACKUP_S3_ACCESS_KEY_ID', 'BACKUP_S3_SECRET_ACCESS_KEY'])
      if (!present[name]) faults.push(`${name}: needed with BACKUP_S3_URL`)
  }
  if (present.BACKUP_RECIPIENTS && present.BACKUP_PASSPHRASE)
    faults.push('BACKUP_PASSPHRASE: set it or BACKUP_RECIPIENTS, age encrypts for one or the other')
  if (present.BACKUP_EVERY_HOURS && !present.BACKUP_RECIPIENTS && !present.BACKUP_PASSPHRASE)
    faults.push('BACKUP_EVERY_HOURS: set BACKUP_RECIPIENTS or BACKUP_PASSPHRASE too, backups are encrypted')
  return faults
}

function findMailFaults(present: Record<string, string | undefined>): string[] {
  if (!present.SMTP_URL) return present.MAIL_FROM ? ['MAIL_FROM: set SMTP_URL too'] : []
  const faults: string[] = []
  if (!present.MAIL_FROM) faults.push('MAIL_FROM: needed with SMTP_URL')
  if (!present.PUBLIC_URL) faults.push('PUBLIC_URL: needed with SMTP_URL, e-mails carry links')
  return faults
}

function findSupabaseFaults(present: Record<string, string | undefined>): string[] {
  const { SUPABASE_URL: url, SUPABASE_JWT_SECRET: secret } = present
  const faults: string[] = []
  if (!url)
    for (const name of ['SUPABASE_JWKS_URL', 'SUPABASE_JWT_SECRET'])
      if (present[name]) faults.push(`${name}: set SUPABASE_URL too`)
  const fault = secret === undefined ? null : checkJwtSecret(secret.trim(), url)
  if (fault) faults.push(`SUPABASE_JWT_SECRET: ${fault}`)
  return faults
}

function findStripeFaults(present: Record<string, string | undefined>): string[] {
  const { STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_URL: url } = present
  const faults: string[] = []
  if (key && !secret) faults.push('STRIPE_WEBHOOK_SECRET: needed with STRIPE_SECRET_KEY')
  if (secret && !key) faults.push('STRIPE_SECRET_KEY: needed with STRIPE_WEBHOOK_SECRET')
  if (url && !key) faults.push('STRIPE_API_URL: set STRIPE_SECRET_KEY too')
  if (key && !present.PUBLIC_URL) faults.push('PUBLIC_URL: needed with STRIPE_SECRET_KEY, customers come back to it')
  return faults
}

const oauthVariable = /^OAUTH_([A-Z][A-Z0-9_]*)_CLIENT_(ID|SECRET)$/

/** `OAUTH_<TYPE>_CLIENT_ID` and `OAUTH_<TYPE>_CLIENT_SECRET`: which types there are, the configuration need not know. */
function readOAuthClients(present: Record<string, string | undefined>) {
  const clients: Record<string, { clientId: string; clientSecret?: string }> = {}
  for (const [name, clientId] of Object.entries(present)) {
    const [, type, part] = oauthVariable.exec(name) ?? []
    if (!type || part !== 'ID' || clientId === undefined) continue
    const clientSecret = present[`OAUTH_${type}_CLIENT_SECRET`]?.trim()
    clients[type.toLowerCase()] = { clientId: clientId.trim(), ...(clientSecret && { clientSecret }) }
  }
  return clients
}

function findOAuthFaults(present: Record<string, string | undefined>): string[] {
  return Object.keys(present).flatMap((name) => {
    const [, type, part] = oauthVariable.exec(name) ?? []
    return type && part === 'SECRET' && !present[`OAUTH_${type}_CLIENT_ID`]
      ? [`${name}: set OAUTH_${type}_CLIENT_ID too`]
      : []
  })
}
