import type { Database, Tx } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { UnsettledRuns } from '../runtime/unsettled-runs.ts'
import {
  deleteServerNode,
  interruptRunsOf,
  listOtherNodes,
  lockSilentNode,
  touchServerNode,
} from './server-node-queries.ts'
import { type NodeSign, watchSilence } from './watch-silence.ts'

const defaultHeartbeatMs = 5000
/** Heartbeats that a server may miss before the others take it for dead. */
const silentBeats = 6

export interface ServerNode {
  stop(): Promise<void>
}

interface ServerNodeServices {
  database: Pick<Database, 'asSystem'>
  log: Log
  nodeId: string
  unsettledRuns: Pick<UnsettledRuns, 'settle' | 'settleAll'>
}

interface ServerNodeOptions {
  /** Asked by nobody else: a server that is busy must not wait for a connection until it is taken for dead. */
  heartbeatDatabase: Pick<Database, 'asSystem'>
  /** No other server can be on this database, so that whatever is still running was left by one that died, however recently. */
  isAlone: boolean
  heartbeatMs?: number
}

/** Signs this server in, keeps its heartbeat, and ends the runs of servers that died. */
export async function keepServerNode(
  { database, log, nodeId, unsettledRuns }: ServerNodeServices,
  { heartbeatDatabase, isAlone, heartbeatMs = defaultHeartbeatMs }: ServerNodeOptions,
): Promise<ServerNode> {
  const touch = () =>
    heartbeatDatabase.asSystem('a server shows that it lives', async (tx) => {
      await touchServerNode(tx, nodeId)
      return listOtherNodes(tx, nodeId)
    })
  const others = await touch()
  if (isAlone) await endRunsOf({ database, log }, others)

  const listSilent = watchSilence(heartbeatMs * silentBeats)
  listSilent(others, performance.now())
  let silent: NodeSign[] = []
  // Each by itself: what takes long must not keep this server from showing that it lives.
  const ending = oneAtATime(log, 'ending the runs of a dead server', () => endRunsOf({ database, log }, silent))
  const beating = oneAtATime(log, 'the heartbeat', async () => {
    silent = listSilent(await touch(), performance.now())
    if (silent.length > 0) ending.begin()
  })
  const settling = oneAtATime(log, 'writing ends of runs', () => unsettledRuns.settle())
  const timer = setInterval(() => {
    beating.begin()
    settling.begin()
  }, heartbeatMs)
  return {
    async stop() {
      clearInterval(timer)
      for (const work of [beating, ending, settling]) await work.ended()
      await unsettledRuns.settleAll()
      await database.asSystem('a server signs out; what it leaves was cut off', (tx) => end(tx, nodeId))
    },
  }
}

async function end(tx: Tx, nodeId: string): Promise<number> {
  const count = await interruptRunsOf(tx, nodeId)
  await deleteServerNode(tx, nodeId)
  return count
}

/** Each in a transaction of its own, which locks runs first and limits of their users last. */
async function endRunsOf(
  { database, log }: Pick<ServerNodeServices, 'database' | 'log'>,
  silent: readonly NodeSign[],
): Promise<void> {
  for (const node of silent) {
    const count = await database.asSystem('runs of a server that died end as interrupted', async (tx) =>
      (await lockSilentNode(tx, node)) ? end(tx, node.id) : 0,
    )
    if (count > 0) log.warn({ count }, 'runs that were cut off ended as interrupted')
  }
}

/** What is still at work is not joined by more. */
function oneAtATime(log: Log, what: string, work: () => Promise<void>) {
  let working: Promise<void> | null = null
  return {
    begin(): void {
      working ??= work()
        .catch((error: unknown) => log.warn({ err: error }, `${what} failed`))
        .finally(() => {
          working = null
        })
    },
    ended: async () => working,
  }
}
