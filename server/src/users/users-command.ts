import { parseArgs } from 'node:util'
import { recordAudit } from '../audit-log/record-audit.ts'
import type { Config } from '../config.ts'
import { loadKeyring } from '../crypto/load-keyring.ts'
import { withCommandDatabase } from '../database/connect-for-command.ts'
import type { Database } from '../database/database.ts'
import { hasIntegrations } from '../integrations/integration-queries.ts'
import { createIntegrationTypes } from '../integrations/integration-types.ts'
import { revokeAllAccess } from '../integrations/revoke-access.ts'
import { createLog } from '../log.ts'
import { secretStores } from '../secret-stores.ts'
import { createUrlGuardOf } from '../services.ts'
import { createStripeService } from '../stripe/create-stripe-service.ts'
import { endPayments } from '../stripe/end-payments.ts'
import { eraseUser } from './delete-account.ts'
import { findUserByEmail } from './user-queries.ts'

const usage = `Usage: npm run users -- <command>, also while servers run
  erase <e-mail> --yes   the account and everything of it, every log in every month; agents that others use stay without
                         their creator. There is no way back but a backup. Cut off, it goes on when it is called again`

/** `users <command>`, on the same database that `start` would use. */
export async function usersCommand(config: Config, args: string[]): Promise<void> {
  const { positionals, values } = readArguments(args)
  const [action, email, ...more] = positionals
  if (action !== 'erase' || !email || more.length > 0) throw new Error(usage)
  if (!values.yes)
    throw new Error(`This erases ${email} and everything of it for good. Add --yes if that is what you want.`)
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  await withCommandDatabase(config, say, (database) => erase(config, database, email.toLowerCase(), say))
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options: { yes: { type: 'boolean', default: false } }, allowPositionals: true })
  } catch (cause) {
    throw new Error(usage, { cause })
  }
}

async function erase(config: Config, database: Database, email: string, say: (text: string) => void): Promise<void> {
  const user = await database.asSystem('an operator erases somebody', (tx) => findUserByEmail(tx, email))
  if (!user) throw new Error(`There is no account with the e-mail ${email}.`)
  let logs = 0
  await eraseUser(database, user.id, {
    endPayments: () =>
      endPayments(database, createStripeService({ config, database, log: createLog('error') }), user.id),
    beforeErasing: () => revokeAtProviders(config, database, user.id, say),
    // Supabase Auth knows them for longer than we do: a token that is still valid must not make the account again.
    isOfSupabase: user.password === null,
    record: (tx) =>
      recordAudit(tx, { actor: null, action: 'user.erase', target: { type: 'user', id: user.id }, detail: { logs } }),
    onProgress(deleted) {
      if (Math.floor(deleted / 20_000) > Math.floor(logs / 20_000)) say(`${deleted} logs`)
      logs = deleted
    },
  })
  say(`Erased ${email} with ${logs} logs. Backups still hold them: npm run backup -- prune`)
}

/** Where the keys are not here or a provider is away, the operator is told and the erasure goes on. */
async function revokeAtProviders(
  config: Config,
  database: Database,
  userId: string,
  say: (text: string) => void,
): Promise<void> {
  try {
    const log = createLog('error')
    const connected = await database.asSystem('an operator erases somebody', (tx) => hasIntegrations(tx, userId))
    if (!connected) return
    const keyring = await loadKeyring({ config, database, stores: secretStores, log }, say)
    const services = {
      config,
      database,
      keyring,
      log,
      urlGuard: createUrlGuardOf(config),
      integrationTypes: createIntegrationTypes(config),
    }
    await revokeAllAccess(services, { sub: userId, user_role: 'user' })
  } catch (error) {
    say(`Access that providers gave was not taken back: ${error instanceof Error ? error.message : String(error)}`)
  }
}
