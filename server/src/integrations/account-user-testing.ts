import { setTimeout as sleep } from 'node:timers/promises'
import { openKeyringFile } from '../crypto/keyring.ts'
import { openDatabase } from '../database/database.ts'
import { createLog } from '../log.ts'
import { readAccount, saveAccount } from './integration-testing.ts'

/**
 * A process of its own that uses connected accounts as a server does, until it is told to stop: it saves in turn, reads
 * back, and reads others. Prints what it did as JSON; ends with an error at the first surprise.
 */
const [url = '', keyFile = '', ownerId = '', ...ids] = process.argv.slice(2)
const log = createLog('silent')
const database = openDatabase({ url, poolSize: 2, usePreparedStatements: true, log })
const keyring = await openKeyringFile(keyFile, log)
const vault = { database, keyring }
const keys = new Set<string>()
const last = new Map<string, string>()
let isStopping = false
process.on('SIGTERM', () => {
  isStopping = true
})
process.stdout.write('ready\n')
let saves = 0
for (; !isStopping; saves++) {
  const integrationId = ids[saves % ids.length] as string
  const expected = last.get(integrationId)
  const seen = await readAccount(vault, { integrationId, ownerId })
  if (seen.kind !== 'connected' || (expected !== undefined && seen.value.token !== expected))
    throw new Error(`${integrationId} is ${JSON.stringify(seen)} instead of ${expected}`)
  last.set(integrationId, `${saves}`)
  await saveAccount(vault, { integrationId, ownerId }, `${saves}`)
  keys.add((await keyring.current()).kid)
  await sleep(1)
}
process.stdout.write(`${JSON.stringify({ saves, keys: [...keys], last: Object.fromEntries(last) })}\n`)
await database.close()
