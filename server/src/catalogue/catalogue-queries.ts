import { sql } from 'kysely'
import { type AgentChange, type AgentContent, createAgentVersion } from '../agents/agent-queries.ts'
import type { Tx } from '../database/database.ts'

/** An agent of the catalogue, ready to be stored. */
export interface CatalogueEntry extends AgentContent {
  slug: string
  version: number
  changes: AgentChange[]
}

export type CatalogueRow = Awaited<ReturnType<typeof listCatalogueAgents>>[number]

/** Several nodes may start at once: each waits here for the one before. */
export async function lockCatalogue(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('agentexpress catalogue', 0))`.execute(tx)
}

export function listCatalogueAgents(tx: Tx) {
  return tx
    .selectFrom('agents')
    .select(['id', 'slug', 'name', 'description', 'type', 'version', 'capabilities', 'changes', 'is_public'])
    .where('slug', 'is not', null)
    .execute()
}

export async function createCatalogueAgent(tx: Tx, id: string, entry: CatalogueEntry): Promise<void> {
  await tx
    .insertInto('agents')
    .values({ id, slug: entry.slug, creator_id: null, ...toColumns(entry) })
    .execute()
  await createAgentVersion(tx, id, entry.version, entry)
}

/** Writes the agent alone; its version is the caller's to make or to change. */
export async function updateCatalogueAgent(tx: Tx, id: string, entry: CatalogueEntry): Promise<void> {
  await tx.updateTable('agents').set(toColumns(entry)).where('id', '=', id).execute()
}

export async function updateCatalogueVersion(tx: Tx, id: string, entry: CatalogueEntry): Promise<void> {
  await tx
    .updateTable('agent_versions')
    .set({
      name: entry.name,
      description: entry.description,
      capabilities: JSON.stringify(entry.capabilities),
    })
    .where('agent_id', '=', id)
    .where('version', '=', entry.version)
    .execute()
}

export async function countUserAgentsOn(tx: Tx, agentId: string, version: number): Promise<number> {
  const { count } = await tx
    .selectFrom('user_agents')
    .select(sql<number>`count(*)`.as('count'))
    .where('agent_id', '=', agentId)
    .where('agent_version', '=', version)
    .executeTakeFirstOrThrow()
  return count
}

/** Never deleted: people may have configured it, and it comes back when its file does. */
export async function withdrawCatalogueAgent(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('agents').set({ is_public: false }).where('id', '=', id).execute()
}

function toColumns({ name, description, type, capabilities, version, changes }: CatalogueEntry) {
  return {
    name,
    description,
    type,
    version,
    capabilities: JSON.stringify(capabilities),
    changes: JSON.stringify(changes),
    is_public: true,
  }
}
