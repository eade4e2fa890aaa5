import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'

/** While the server runs: no plan holds for users without a subscription, so that stories about something else have no limits. */
export async function sellNothing(dataDir: string): Promise<void> {
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
  const port = (await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[3]
  const client = new pg.Client(`postgresql://postgres:${password}@127.0.0.1:${port}/agentexpress`)
  await client.connect()
  await client.query('update public.plans set is_default = false').finally(() => client.end())
}
