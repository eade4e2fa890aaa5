import { isDeepStrictEqual } from 'node:util'
import { createAgentVersion } from '../agents/agent-queries.ts'
import { isSameCapabilities, toStoredCapabilities } from '../agents/stored-capabilities.ts'
import type { Database, Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { insertCataloguePlan } from '../plans/plan-queries.ts'
import {
  type CatalogueEntry,
  type CatalogueRow,
  countUserAgentsOn,
  createCatalogueAgent,
  listCatalogueAgents,
  lockCatalogue,
  updateCatalogueAgent,
  updateCatalogueVersion,
  withdrawCatalogueAgent,
} from './catalogue-queries.ts'
import type { CatalogueAgent } from './catalogue-schemas.ts'
import type { Catalogue } from './read-catalogue.ts'

/** How many agents were touched; all zero when the database already says what the folder says. */
export interface CatalogueLoad {
  created: number
  updated: number
  withdrawn: number
}

/**
 * Brings agents and plans of the catalogue folder into the database, all or nothing. A higher version becomes a version
 * of its own beside the older ones, on which user agents stay. Throws when a version on which user agents run has
 * changed without a new number. Plans are only added: those that are there are the operator's.
 */
export function loadCatalogue(database: Database, catalogue: Catalogue): Promise<CatalogueLoad> {
  return database.asSystem('the catalogue belongs to no user', async (tx) => {
    await lockCatalogue(tx)
    const rows = new Map((await listCatalogueAgents(tx)).map((row) => [row.slug, row]))
    const load: CatalogueLoad = { created: 0, updated: 0, withdrawn: 0 }
    for (const agent of catalogue.agents) {
      const done = await loadAgent(tx, toEntry(agent), rows.get(agent.slug))
      if (done) load[done] += 1
      rows.delete(agent.slug)
    }
    for (const row of rows.values()) {
      if (!row.is_public) continue
      await withdrawCatalogueAgent(tx, row.id)
      load.withdrawn += 1
    }
    for (const plan of catalogue.plans) await insertCataloguePlan(tx, createId(), plan)
    return load
  })
}

function toEntry({ capabilities, ...agent }: CatalogueAgent): CatalogueEntry {
  return { ...agent, capabilities: toStoredCapabilities(capabilities, agent.type) }
}

async function loadAgent(
  tx: Tx,
  entry: CatalogueEntry,
  row: CatalogueRow | undefined,
): Promise<'created' | 'updated' | null> {
  if (!row) {
    await createCatalogueAgent(tx, createId(), entry)
    return 'created'
  }
  // While nodes are upgraded one by one, an older node that restarts brings an older folder: the newer one stays.
  const isOlder = entry.version < row.version
  if (isOlder || (isSame(entry, row) && row.is_public)) return null
  if (entry.version > row.version) await createAgentVersion(tx, row.id, entry.version, entry)
  else if (!isSameContent(entry, row)) await correctVersion(tx, entry, row.id)
  await updateCatalogueAgent(tx, row.id, entry)
  return 'updated'
}

/** Changes a version in place, as somebody who edits a file of the catalogue wants to see it, unless people rely on it. */
async function correctVersion(tx: Tx, entry: CatalogueEntry, id: string): Promise<void> {
  const count = await countUserAgentsOn(tx, id, entry.version)
  if (count > 0) {
    const agents = count === 1 ? '1 configured agent runs' : `${count} configured agents run`
    throw new Error(
      `The catalogue agent "${entry.slug}" was changed, but its version is still ${entry.version}, on which ${agents}. ` +
        `Raise "version" in ${entry.slug}.json to ${entry.version + 1} and say under "changes" what changed.`,
    )
  }
  await updateCatalogueVersion(tx, id, entry)
}

function isSame(entry: CatalogueEntry, row: CatalogueRow): boolean {
  return entry.version === row.version && isSameContent(entry, row) && isDeepStrictEqual(row.changes, entry.changes)
}

function isSameContent(entry: CatalogueEntry, row: CatalogueRow): boolean {
  return (
    entry.name === row.name &&
    entry.description === row.description &&
    isSameCapabilities(row.capabilities, entry.capabilities)
  )
}
