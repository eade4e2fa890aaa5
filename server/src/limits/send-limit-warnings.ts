import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { Mailer } from '../mail/open-mailer.ts'
import {
  findUserOfWarnings,
  giveWarningsBack,
  noteLimitWarnings,
  type TakenWarning,
  takeWarningsOfOneUser,
  type UserOfWarnings,
} from './warning-queries.ts'
import { writeWarningMail } from './write-warning-mail.ts'

/** A look at everybody who ran something this month takes longer than a request may. */
const statementTimeoutMs = 60_000
const reason = 'everybody is told of limits that are near'

export interface WarningServices {
  database: Database
  mailer: Mailer
  log: Log
}

/** Notes what is near or reached, and tells it by e-mail where that is set up. Any number of servers may do it at once. */
export async function sendLimitWarnings(
  services: WarningServices,
  now = new Date(),
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const { database, mailer } = services
  await database.asSystem(reason, (tx) => noteLimitWarnings(tx, now), { statementTimeoutMs })
  while (mailer.isConfigured && !signal.aborted) {
    const taken = await database.asSystem(reason, async (tx) => {
      const warnings = await takeWarningsOfOneUser(tx, now)
      return warnings && { warnings, user: await findUserOfWarnings(tx, now, warnings.user_id) }
    })
    if (!taken) return
    const mayGoOn = taken.user === null || (await tell(services, taken.user, taken.warnings.taken, now, signal))
    // A mail server that is away is asked again in a minute, not for every user.
    if (!mayGoOn) return
  }
}

async function tell(
  { database, mailer, log }: WarningServices,
  user: UserOfWarnings,
  taken: readonly TakenWarning[],
  now: Date,
  signal: AbortSignal,
): Promise<boolean> {
  const isReached = new Set(taken.filter(({ threshold }) => threshold === 100).map(({ name }) => name))
  const told = taken.filter(({ name, threshold }) => threshold === 100 || !isReached.has(name))
  const mail = writeWarningMail(user, told, { now, siteUrl: mailer.siteUrl })
  if (!mail) return true
  const outcome = await mailer.send(mail, signal)
  if (outcome.kind === 'sent') return true
  log.warn({ user_id: user.id, reason: outcome.reason }, 'a warning of a limit was not sent by e-mail')
  if (outcome.kind === 'unknown') return true
  await database.asSystem(reason, (tx) => giveWarningsBack(tx, now, { ...outcome, userId: user.id, taken: told }))
  return outcome.isFinal
}
