import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { lockDataFolder } from '../data-folder-lock.ts'
import { createLog } from '../log.ts'
import { connectDatabase } from './connect.ts'
import { deployMigrations, findMigrationStatus, readMigrations, revertMigrations } from './migrate.ts'

const usage = 'Usage: npm run migrate -- status | deploy | down --to <name of a migration, or "empty">'

/** `migrate status|deploy|down --to <name>`, on the same database that `start` would use. */
export async function migrateCommand(config: Config, args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: { to: { type: 'string' } }, allowPositionals: true })
  const [action = 'status'] = positionals
  if (!['status', 'deploy', 'down'].includes(action) || (action === 'down' && !values.to)) throw new Error(usage)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  const unlock = await lockDataFolder(config.dataDir)
  try {
    const connected = await connectDatabase(config, createLog('error'), say)
    try {
      const migrations = await readMigrations()
      if (action === 'deploy') {
        const applied = await deployMigrations(connected.ownerUrl, migrations, say)
        say(applied.length > 0 ? `${applied.length} migrations applied.` : 'Up to date.')
      } else if (action === 'down') {
        const target = values.to === 'empty' ? null : (values.to ?? null)
        for (const name of await revertMigrations(connected.ownerUrl, migrations, target)) say(`taken back: ${name}`)
      } else {
        for (const { name, isApplied } of await findMigrationStatus(connected.ownerUrl, migrations))
          say(`${isApplied ? 'applied' : 'missing'}  ${name}`)
      }
    } finally {
      await connected.close()
    }
  } finally {
    await unlock()
  }
}
