import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import {
  deleteServerNode,
  insertServerNode,
  interruptRunsOf,
  listSilentNodes,
  touchServerNode,
} from './server-node-queries.ts'

const heartbeatMs = 5000
const silentSeconds = 30

export interface ServerNode {
  stop(): Promise<void>
}

/**
 * Signs this server in, keeps its heartbeat, and ends the runs of servers that died. `isAlone`: no other server can be
 * on this database, so that whatever is still running was left by one that died, however recently.
 */
export async function keepServerNode(
  database: Database,
  id: string,
  { isAlone, log }: { isAlone: boolean; log: Log },
): Promise<ServerNode> {
  const sweep = async (afterSilentSeconds: number) => {
    const interrupted = await database.asSystem('runs of a server that died end as interrupted', async (tx) => {
      let count = 0
      for (const node of await listSilentNodes(tx, id, afterSilentSeconds)) {
        count += await interruptRunsOf(tx, node.id)
        await deleteServerNode(tx, node.id)
      }
      return count
    })
    if (interrupted > 0) log.warn({ count: interrupted }, 'runs that were cut off ended as interrupted')
  }
  await database.asSystem('a server signs in', (tx) => insertServerNode(tx, id))
  await sweep(isAlone ? 0 : silentSeconds)

  let beating: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    beating = database
      .asSystem('a server shows that it lives', (tx) => touchServerNode(tx, id))
      .then(() => sweep(silentSeconds))
      .catch((error: unknown) => log.warn({ err: error }, 'the heartbeat failed'))
  }, heartbeatMs)
  return {
    async stop() {
      clearInterval(timer)
      await beating
      await database.asSystem('a server signs out', (tx) => deleteServerNode(tx, id))
    },
  }
}
