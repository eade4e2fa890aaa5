import { createServer } from 'node:net'
import { join } from 'node:path'
import { createRecentErrors } from './admin/system/recent-errors.ts'
import { createApp, type Services } from './app.ts'
import { loadSigningKey } from './auth/signing-key.ts'
import { startBackupSchedule } from './backup/backup-schedule.ts'
import { loadCatalogue } from './catalogue/load-catalogue.ts'
import { readCatalogue } from './catalogue/read-catalogue.ts'
import { closeInReverse } from './close-in-reverse.ts'
import type { Config } from './config.ts'
import { loadKeyring } from './crypto/load-keyring.ts'
import { lockDataFolder } from './data-folder-lock.ts'
import { type ConnectedDatabase, connectDatabase } from './database/connect.ts'
import { openDatabase } from './database/database.ts'
import { createId } from './database/uuid-v7.ts'
import { closeApp } from './http/close-app.ts'
import { startDeliveries } from './integrations/deliveries/send-deliveries.ts'
import { createLog } from './log.ts'
import { startMaintenance } from './maintenance.ts'
import { keepModelPrices } from './models/model-prices.ts'
import { prepareDatabase } from './prepare-database.ts'
import { secretStores } from './secret-stores.ts'
import { openCancelChannel } from './server-nodes/cancel-channel.ts'
import { keepServerNode } from './server-nodes/keep-server-node.ts'
import { createServices } from './services.ts'
import { buildWebApp } from './web-build.ts'

export const catalogueFolder = join(import.meta.dirname, '../../catalogue')

export interface RunningServer {
  url: string
  /** Takes no new runs, lets those that run end, then closes everything in the order that loses nothing. */
  stop(): Promise<void>
}

/**
 * From nothing to a listening server. Each step says what it does through `say`. What has been opened when a step fails
 * is closed again; the error says what to do.
 */
export async function start(config: Config, say: (text: string) => void): Promise<RunningServer> {
  const closers: (() => Promise<unknown>)[] = []
  const recentErrors = createRecentErrors()
  const log = createLog(config.logLevel, undefined, recentErrors.note)
  const closeAll = () => closeInReverse(closers, log)
  try {
    await checkPort(config)
    closers.push(await lockDataFolder(config.dataDir))
    const connected = await connectDatabase(config, log, say)
    closers.push(() => connected.close())
    const timeLimits = await prepareDatabase(connected, say)
    const { serverUrl: url, usePreparedStatements } = connected
    const databaseOptions = { ...config.database, url, usePreparedStatements, timeLimits, log }
    const database = openDatabase(databaseOptions)
    const heartbeatDatabase = openDatabase({ ...databaseOptions, poolSize: 1 })
    closers.push(() => Promise.all([database.close(), heartbeatDatabase.close()]))
    const signingKey = await loadSigningKey(config, database, { mayCreate: true })
    const keyring = await loadKeyring({ config, database, stores: secretStores, log }, say)
    const { created, updated } = await loadCatalogue(database, await readCatalogue(catalogueFolder))
    say(`Catalogue: ${created} new, ${updated} updated`)
    if (await buildWebApp()) say('Web app: built')

    const nodeId = createId()
    const channel = connected.isEmbedded
      ? null
      : openCancelChannel(connected.ownerUrl, log, (id) => services.activeRuns.abort(id, 'cancelled'))
    if (channel) closers.push(() => channel.close())
    const services = createServices({
      config,
      log,
      recentErrors,
      database,
      signingKey,
      keyring,
      nodeId,
      cancelElsewhere: async (id) => channel?.send(id),
    })
    // Runs and deliveries use them, so what is opened later is closed before.
    closers.push(() => Promise.all(services.integrationTypes.map((type) => type.close?.())))
    await services.models.refreshOllama()
    closers.push((await keepModelPrices(services)).stop)
    say(`Model: ${services.models.default.label}`)
    const node = await keepServerNode(services, { heartbeatDatabase, isAlone: connected.isEmbedded })
    closers.push(() => node.stop())
    closers.push(...startJobs(services, connected))
    const app = await createApp(services)
    closers.push(() => closeApp(app))
    closers.push(() => services.activeRuns.drain(config.drainMs))
    await app.listen({ port: config.port, host: config.host }).catch((error: NodeJS.ErrnoException) => {
      throw describeListenError(error, config)
    })
    const address = app.server.address()
    const port = typeof address === 'object' && address ? address.port : config.port
    return {
      url: config.publicUrl ?? `http://${toUrlHost(config.host)}:${port}`,
      stop: closeAll,
    }
  } catch (error) {
    await closeAll().catch(() => {})
    throw error
  }
}

/** What the server does by itself; answers how each part is stopped. */
function startJobs(services: Services, { ownerUrl }: ConnectedDatabase): (() => Promise<void>)[] {
  const { config, log } = services
  const maintenance = startMaintenance({ ...services, ownerUrl, logRetentionDays: config.logRetentionDays })
  const stops = [() => maintenance.stop(), startDeliveries(services).stop]
  const payments = services.stripe?.startWorker()
  if (payments) stops.push(() => payments.stop())
  const backups = startBackupSchedule({ config, ownerUrl, log })
  return [...stops, () => backups.stop()]
}

/** An address that a browser on this machine can open. */
function toUrlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** Found out before anything is started: a taken port is the most common reason not to start. */
async function checkPort(config: Config): Promise<void> {
  const { host, port } = config
  if (port === 0) return
  await new Promise<void>((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => reject(describeListenError(error, config)))
    probe.listen(port, host, () => probe.close(() => resolve()))
  })
}

function describeListenError(error: NodeJS.ErrnoException, { host, port }: Config): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: `Port ${port} is taken by another program. Stop it, or choose another one: PORT=${port < 65_535 ? port + 1 : 3000} npm start`,
    EACCES: `This user may not listen on port ${port}. Choose one above 1023: PORT=3000 npm start`,
    EADDRNOTAVAIL: `This machine has no address ${host}. Set HOST to 127.0.0.1 (this machine only) or 0.0.0.0 (everyone).`,
    ENOTFOUND: `This machine has no address ${host}. Set HOST to 127.0.0.1 (this machine only) or 0.0.0.0 (everyone).`,
  }
  return new Error(reasons[error.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${error.message}`, { cause: error })
}
