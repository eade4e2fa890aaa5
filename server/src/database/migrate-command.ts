import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { createLog } from '../log.ts'
import { connectForCommand } from './connect-for-command.ts'
import { deployMigrations, inspectMigrations, readMigrations, revertMigrations } from './migrate.ts'
import { formatFinding } from './migrations/lint-migrations.ts'
import { type Migration, MigrationError } from './migrations/migration.ts'
import { planDeployment } from './migrations/plan.ts'
import { type Difference, verifyDatabase } from './migrations/verify.ts'

const usage = 'Usage: npm run migrate -- status | plan | deploy | verify | down --to <name of a migration, or "empty">'

interface Action {
  ownerUrl: string
  migrations: Migration[]
  say: (text: string) => void
}

/** On the same database that `start` would use, also while a server runs on it. Throws unless all is well. */
export async function migrateCommand(config: Config, args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: { to: { type: 'string' } }, allowPositionals: true })
  const [name = 'status', ...rest] = positionals
  const action = { status, plan, deploy, verify, down: values.to ? down(values.to) : undefined }[name]
  if (!action || rest.length > 0 || (values.to && name !== 'down')) throw new Error(usage)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  const connected = await connectForCommand(config, createLog('error'), say)
  try {
    await action({ ownerUrl: connected.ownerUrl, migrations: await readMigrations(), say })
  } finally {
    await connected.close()
  }
}

async function status({ ownerUrl, migrations, say }: Action): Promise<void> {
  const { missing, halfDone, lockHolder } = await inspectMigrations(ownerUrl, migrations)
  for (const migration of migrations) {
    const word = halfDone.includes(migration) ? 'half-done' : missing.includes(migration) ? 'missing' : 'applied'
    say(`${word.padEnd(9)}  ${migration.name}`)
  }
  if (lockHolder) say(`Being migrated at this moment by: ${lockHolder}`)
  if (missing.length > 0) {
    throw new MigrationError(
      `The database lacks ${missing.length} of ${migrations.length} migrations. "migrate plan" tells what they do, "migrate deploy" applies them.`,
    )
  }
}

async function plan({ ownerUrl, migrations, say }: Action): Promise<void> {
  const { missing, halfDone, lockHolder } = await planDeployment(ownerUrl, migrations)
  if (lockHolder) say(`Being migrated at this moment by: ${lockHolder}`)
  for (const { name } of halfDone) say(`Would first take back ${name}, which was interrupted half-way.`)
  if (missing.length === 0) say('Up to date: a deployment would do nothing.')
  for (const migration of missing) {
    say(`Would apply ${migration.name}${migration.isWithoutTransaction ? ' (without a transaction)' : ''}`)
    if (migration.description) say(`  does:   ${migration.description}`)
    say(`  going back loses: ${migration.loses ?? 'not said'}`)
    say(`  going back keeps: ${migration.keeps ?? 'not said'}`)
    for (const finding of migration.findings) say(`  beware: ${formatFinding(finding)}`)
  }
}

async function deploy({ ownerUrl, migrations, say }: Action): Promise<void> {
  const applied = await deployMigrations(ownerUrl, migrations, say)
  say(applied.length > 0 ? `${applied.length} migrations applied.` : 'Up to date.')
}

function down(to: string): (action: Action) => Promise<void> {
  return async ({ ownerUrl, migrations, say }) => {
    const reverted = await revertMigrations(ownerUrl, migrations, to === 'empty' ? null : to, say)
    say(reverted.length > 0 ? `${reverted.length} migrations taken back.` : 'Nothing to take back.')
  }
}

async function verify({ ownerUrl, migrations, say }: Action): Promise<void> {
  const { applied, objects, differences } = await verifyDatabase(ownerUrl, migrations, say)
  for (const difference of differences) say(describeDifference(difference))
  if (differences.length > 0) {
    throw new MigrationError(
      `The database differs in ${differences.length} places from what its ${applied.length} migrations make. Undo what was changed by hand, or write a migration that does the same.`,
    )
  }
  say(`${applied.length} migrations applied and unchanged; ${objects} objects are as a fresh database has them.`)
}

function describeDifference({ object, expected, found }: Difference): string {
  if (found === null) return `gone     ${object}`
  if (expected === null) return `added    ${object}: ${found}`
  return `changed  ${object}\n  expected: ${expected}\n  found:    ${found}`
}
