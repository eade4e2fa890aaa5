import { parentPort, workerData } from 'node:worker_threads'
import { createLog } from '../log.ts'
import { type DueBackups, runDueBackups } from './run-due-backups.ts'

// A thread of its own: reading, compressing and encrypting must not delay the answers of the server.
const stopping = new AbortController()
parentPort?.once('message', () => stopping.abort())
const { config, ownerUrl, mayVerify }: Pick<Parameters<typeof runDueBackups>[0], 'config' | 'ownerUrl' | 'mayVerify'> =
  workerData
try {
  const done: DueBackups = await runDueBackups({
    config,
    ownerUrl,
    mayVerify,
    log: createLog(config.logLevel),
    signal: stopping.signal,
  })
  parentPort?.postMessage({ done })
} catch (error) {
  parentPort?.postMessage({ failed: error instanceof Error ? error.message : String(error) })
}
parentPort?.close()
