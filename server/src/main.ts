import { existsSync } from 'node:fs'
import { type Config, ConfigError, readConfig } from './config.ts'
import { start } from './start.ts'

const usage = `Usage: npm start | npm run migrate -- status|deploy|down --to <name> | npm run keys -- reset`

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
      return (await import('./auth/keys-command.ts')).keysCommand(config, rest)
    default:
      throw new Error(usage)
  }
}

async function startAndWait(config: Config): Promise<void> {
  const startedAt = performance.now()
  const say = (text: string) => process.stdout.write(`  ${text}\n`)
  process.stdout.write('\nAgentExpress\n')
  const server = await start(config, say)
  say(`Ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  process.stdout.write(`\n  Open ${server.url}\n\n`)
  let isStopping = false
  const stop = async () => {
    // A second signal means now: PostgreSQL recovers by itself at the next start.
    if (isStopping) process.exit(1)
    isStopping = true
    process.stdout.write('\n  Stopping: running agents may finish first\n')
    try {
      await server.stop()
      process.exit(0)
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exit(1)
    }
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

try {
  await main()
} catch (error) {
  const text = error instanceof ConfigError || error instanceof Error ? error.message : String(error)
  process.stderr.write(`\n${text}\n\n`)
  process.exit(1)
}
