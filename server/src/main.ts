import './compile-cache.ts'
import { existsSync } from 'node:fs'
import { type Config, ConfigError, readConfig } from './config.ts'

const usage = `Usage: npm start | npm run migrate -- status|plan|deploy|verify|down --to <name> | npm run keys -- list|add|rotate|verify|drop|accept-loss|restore|reset | npm run backup -- create|list|verify|restore|prune | npm run logs -- status|prune | npm run users -- erase <e-mail> | npm run audit -- list|export|verify`

async function main(): Promise<void> {
  // Before the configuration is read: the variables of .env, where those of the environment win.
  if (existsSync('.env')) process.loadEnvFile('.env')
  const [command = 'start', ...rest] = process.argv.slice(2)
  const config = readConfig()
  switch (command) {
    case 'start':
      return startAndWait(config)
    case 'migrate':
      return (await import('./database/migrate-command.ts')).migrateCommand(config, rest)
    case 'keys':
      return (await import('./keys-command.ts')).keysCommand(config, rest)
    case 'backup':
      return (await import('./backup/backup-command.ts')).backupCommand(config, rest)
    case 'logs':
      return (await import('./agent-logs/logs-command.ts')).logsCommand(config, rest)
    case 'users':
      return (await import('./users/users-command.ts')).usersCommand(config, rest)
    case 'audit':
      return (await import('./audit-log/audit-command.ts')).auditCommand(config, rest)
    default:
      throw new Error(usage)
  }
}

async function startAndWait(config: Config): Promise<void> {
  const startedAt = performance.now()
  const say = (text: string) => process.stdout.write(`  ${text}\n`)
  process.stdout.write('\nAgentExpress\n')
  const starting = import('./start.ts').then(({ start }) => start(config, say))
  let stoppingSince: number | null = null
  const stop = async () => {
    if (stoppingSince !== null) {
      // A terminal and npm both pass Ctrl-C on, so the second signal within a second is still the first wish. A later one
      // means now: PostgreSQL recovers by itself at the next start.
      if (performance.now() - stoppingSince > 1000) process.exit(1)
      return
    }
    stoppingSince = performance.now()
    process.stdout.write('\n  Stopping: running agents may finish first\n')
    try {
      const server = await starting
      await server.stop()
      process.exit(0)
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exit(1)
    }
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // The terminal was closed. What is still said goes nowhere, and that is no reason to leave PostgreSQL running.
  process.on('SIGHUP', stop)
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  const { url } = await starting
  say(`Ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  process.stdout.write(`\n  Open ${url}\n\n`)
}

try {
  await main()
} catch (error) {
  const text = error instanceof ConfigError || error instanceof Error ? error.message : String(error)
  process.stderr.write(`\n${text}\n\n`)
  process.exit(1)
}
