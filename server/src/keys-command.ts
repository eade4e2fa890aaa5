import { parseArgs } from 'node:util'
import pg from 'pg'
import { resetSigningKey } from './auth/signing-key.ts'
import type { Config } from './config.ts'
import {
  acceptLoss,
  addEncryptionKey,
  dropKey,
  type KeyWork,
  restoreAccounts,
  rotateKeys,
  verifyKeys,
} from './crypto/change-keys.ts'
import { listKeys } from './crypto/list-keys.ts'
import { connectForCommand } from './database/connect-for-command.ts'
import { openDatabase } from './database/database.ts'
import { createLog } from './log.ts'
import { secretStores } from './secret-stores.ts'

const usage = `Usage: npm run keys -- <command>, also while servers run
  list              the encryption keys and how many connected accounts each one has
  add               a new key, for servers that need it before it is used
  rotate [--to <k>] encrypts everything with a new key, or with <k>; goes on where a rotation was cut off
  verify            opens every secret
  drop <k>          forgets a former key, after everything was opened without it
  accept-loss       gives up what was encrypted with keys that are lost; its owners are asked to connect again
  restore           takes that back for what can be read again, because the key was found
  reset             a new signing key; everybody has to sign in again`

/** Number of the advisory lock that lets one command alone change keys. */
const advisoryLock = 72707370

type Work = KeyWork & { config: Config }

/** `keys <command>`, on the same database that `start` would use and beside servers that run. */
export async function keysCommand(config: Config, args: string[]): Promise<void> {
  const { positionals, values } = parseArguments(args)
  const [name = '', kid] = positionals
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command || positionals.length > (name === 'drop' ? 2 : 1)) throw new Error(usage)
  if (name === 'drop' && !kid) throw new Error(usage)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  const log = createLog('error')
  const connected = await connectForCommand(config, log, say)
  try {
    const timeLimits = await connected.prepareServerRole()
    const unlock = await lockKeys(connected.ownerUrl)
    const { serverUrl: url, usePreparedStatements } = connected
    const database = openDatabase({ ...config.database, poolSize: 2, url, usePreparedStatements, timeLimits, log })
    try {
      await command({ config, database, stores: secretStores, say, onProgress: showProgress(say) }, values.to ?? kid)
    } finally {
      await database.close()
      await unlock()
    }
  } finally {
    await connected.close()
  }
}

const commands: Record<string, (work: Work, kid: string | undefined) => Promise<void>> = {
  async list(work) {
    for (const line of await listKeys(work)) work.say(line)
  },
  async add(work) {
    const kid = await addEncryptionKey(work)
    work.say(`Added the key ${kid}. Nothing is encrypted with it until \`npm run keys -- rotate\`.`)
  },
  async rotate(work, to) {
    const { kid, rotated, givenUp } = await rotateKeys(work, to)
    work.say(`Encrypted ${rotated} connected accounts with the key ${kid}.`)
    reportGivenUp(work, givenUp)
    await verify(work)
    work.say('The former keys still work. `npm run keys -- list` shows them; `drop <key>` forgets one.')
  },
  verify,
  async drop(work, kid = '') {
    const { erased } = await dropKey(work, kid)
    work.say(`Dropped the key ${kid}.`)
    if (erased > 0) work.say(`Erased what ${erased} accounts had under it; they had been given up before.`)
    work.say('Backups that were made with this key need it: keep a copy beside them.')
  },
  async 'accept-loss'(work) {
    const { lost, flagged, created } = await acceptLoss(work)
    if (created) work.say(`Made the key ${created}.`)
    work.say(`Given up: ${lost.join(', ')}. The owners of ${flagged} accounts are asked to connect them again.`)
    work.say(
      'Nothing was erased: should a key be found, put it back into the key file and run `npm run keys -- restore`.',
    )
  },
  async restore(work) {
    work.say(`${await restoreAccounts(work)} accounts that had been given up are connected again.`)
  },
  async reset({ config, database, say }) {
    const { kid } = await resetSigningKey(config, database)
    say(`The signing key is now ${kid}. Everybody has to sign in again; running servers have to be started again.`)
  },
}

async function verify(work: Work): Promise<void> {
  const { readable, restorable, withoutKey, givenUp, stillGivenUp } = await verifyKeys(work)
  const sum = (counts: Map<string, number>) => [...counts.values()].reduce((total, count) => total + count, 0)
  const total = sum(readable) + sum(withoutKey) + givenUp
  work.say(`Verified: ${sum(readable)} of ${total} connected accounts can be read.`)
  for (const [kid, count] of readable) work.say(`  ${count} with the key ${kid}`)
  reportGivenUp(work, givenUp)
  if (restorable > 0)
    work.say(`${restorable} of them had been given up: \`npm run keys -- restore\` connects them again.`)
  if (stillGivenUp > 0) work.say(`${stillGivenUp} more had been given up, and no key here opens them.`)
  for (const [kid, count] of withoutKey)
    work.say(`${count} need the key ${kid}, which is not here. Put it back, or see accept-loss.`)
  if (sum(readable) < total) throw new Error(`${total - sum(readable)} connected accounts cannot be read.`)
}

function reportGivenUp({ say }: Work, givenUp: number): void {
  if (givenUp > 0) say(`${givenUp} could be read with no key; their owners are asked to connect them again.`)
}

function parseArguments(args: string[]) {
  try {
    return parseArgs({ args, options: { to: { type: 'string' } }, allowPositionals: true })
  } catch {
    throw new Error(usage)
  }
}

/** The first batch and then one line a second. */
function showProgress(say: (text: string) => void): (done: number) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  return (done) => {
    if (performance.now() - saidAt < 1000) return
    saidAt = performance.now()
    say(`  ${done} accounts so far`)
  }
}

async function lockKeys(ownerUrl: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'agentexpress keys' })
  // Whoever works on is told by the next statement; without a listener the loss of the connection would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ is_free: boolean; is_migrated: boolean }>(
      `select pg_try_advisory_lock($1) as is_free, to_regclass('public.encryption_keys') is not null as is_migrated`,
      [advisoryLock],
    )
    if (!rows[0]?.is_free) throw new Error('Another command is changing keys at this moment. Wait for its end.')
    if (!rows[0].is_migrated)
      throw new Error(
        'This database lacks migrations of this version. `npm start` or `npm run migrate -- deploy` applies them.',
      )
    return () => client.end()
  } catch (error) {
    await client.end()
    throw error
  }
}
