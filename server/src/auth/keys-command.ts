import type { Config } from '../config.ts'
import { lockDataFolder } from '../data-folder-lock.ts'
import { connectDatabase } from '../database/connect.ts'
import { openDatabase } from '../database/database.ts'
import { createLog } from '../log.ts'
import { resetSigningKey } from './signing-key.ts'

const usage = 'Usage: npm run keys -- reset   (accepts a new signing key and signs everybody out)'

/** `keys reset`, on the same database that `start` would use. */
export async function keysCommand(config: Config, [action]: string[]): Promise<void> {
  if (action !== 'reset') throw new Error(usage)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  const log = createLog('error')
  const unlock = await lockDataFolder(config.dataDir)
  try {
    const connected = await connectDatabase(config, log, say)
    try {
      const database = openDatabase({ ...config.database, url: connected.serverUrl, log })
      const { kid } = await resetSigningKey(config, database).finally(() => database.close())
      say(`The signing key is now ${kid}. Everybody has to sign in again; running servers have to be started again.`)
    } finally {
      await connected.close()
    }
  } finally {
    await unlock()
  }
}
