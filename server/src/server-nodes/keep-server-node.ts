import type { Database, Tx } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { UnsettledRuns } from '../runtime/unsettled-runs.ts'
import { deleteServerNode, interruptRunsOf, listSilentNodes, touchServerNode } from './server-node-queries.ts'

const defaultHeartbeatMs = 5000
/** Heartbeats that a server may miss before the others take it for dead. */
const silentBeats = 6

export interface ServerNode {
  stop(): Promise<void>
}

interface ServerNodeOptions {
  /** No other server can be on this database, so that whatever is still running was left by one that died, however recently. */
  isAlone: boolean
  log: Log
  unsettledRuns: UnsettledRuns
  heartbeatMs?: number
}

/** Signs this server in, keeps its heartbeat, and ends the runs of servers that died. */
export async function keepServerNode(
  database: Database,
  id: string,
  { isAlone, log, unsettledRuns, heartbeatMs = defaultHeartbeatMs }: ServerNodeOptions,
): Promise<ServerNode> {
  const silentMs = heartbeatMs * silentBeats
  const end = (tx: Tx, nodeId: string) =>
    interruptRunsOf(tx, nodeId).then(async (count) => {
      await deleteServerNode(tx, nodeId)
      return count
    })
  const sweep = async (afterSilentMs: number) => {
    // Each in a transaction of its own, which locks runs first and limits of their users last.
    const endOne = () =>
      database.asSystem('runs of a server that died end as interrupted', async (tx) => {
        const [node] = await listSilentNodes(tx, id, afterSilentMs / 1000)
        return node ? await end(tx, node.id) : null
      })
    let interrupted = 0
    for (let count = await endOne(); count !== null; count = await endOne()) interrupted += count
    if (interrupted > 0) log.warn({ count: interrupted }, 'runs that were cut off ended as interrupted')
  }
  const touch = () => database.asSystem('a server shows that it lives', (tx) => touchServerNode(tx, id))
  await touch()
  await sweep(isAlone ? 0 : silentMs)

  let lastBeatAt = performance.now()
  let mayJudgeAt = lastBeatAt
  const beat = async () => {
    await touch()
    const now = performance.now()
    // Whatever kept this server from its heartbeat (the database was away, the machine asleep) may have kept the others
    // from theirs: they get the time to show that they live.
    if (now - lastBeatAt > silentMs / 2) mayJudgeAt = now + silentMs
    lastBeatAt = now
    if (now >= mayJudgeAt) await sweep(silentMs)
    await unsettledRuns.settle()
  }
  let beating: Promise<void> | null = null
  const timer = setInterval(() => {
    // One that waits for the database is not joined by more.
    beating ??= beat()
      .catch((error: unknown) => log.warn({ err: error }, 'the heartbeat failed'))
      .finally(() => {
        beating = null
      })
  }, heartbeatMs)
  return {
    async stop() {
      clearInterval(timer)
      await beating
      await unsettledRuns.settleAll()
      await database.asSystem('a server signs out; what it leaves was cut off', (tx) => end(tx, id))
    },
  }
}
