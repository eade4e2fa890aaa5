import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { deployMigrations } from '../migrate.ts'
import { ensurePartitions } from '../partitions.ts'
import { connectOwner, withDeployLock } from './deploy-lock.ts'
import { readHistory } from './ledger.ts'
import { type Migration, MigrationError } from './migration.ts'
import { type CatalogObject, readCatalog } from './read-catalog.ts'

export interface Difference {
  object: string
  /** What the migrations make; null when they do not make it. */
  expected: string | null
  /** What the database has; null when it is gone. */
  found: string | null
}

export interface Verification {
  /** Names of the applied migrations. */
  applied: string[]
  objects: number
  differences: Difference[]
}

/**
 * Compares the database with a scratch database on the same server that was freshly migrated to the same version. Throws
 * when files and ledger disagree, when a migration is half-done, or when no scratch database can be made.
 */
export async function verifyDatabase(
  ownerUrl: string,
  migrations: Migration[],
  onProgress: (text: string) => void = () => {},
): Promise<Verification> {
  return withDeployLock(ownerUrl, onProgress, async (client) => {
    const { applied, halfDone } = await readHistory(client, migrations)
    if (halfDone[0]) {
      throw new MigrationError(
        `The migration ${halfDone[0].name} was interrupted half-way. "migrate deploy" takes it back and begins again.`,
      )
    }
    const expected = await withScratchDatabase(ownerUrl, async (scratchUrl) => {
      await createSameExtensions(client, scratchUrl)
      await deployMigrations(scratchUrl, applied)
      const scratch = await connectOwner(scratchUrl)
      try {
        if (await hasLogs(scratch)) await ensurePartitions(scratchUrl)
        return await readCatalog(scratch)
      } finally {
        await scratch.end()
      }
    })
    const isOwnAuth = await hasOwnAuth(client)
    const own = new Set(expected.map(({ schema }) => schema).filter((name) => name !== 'auth' || isOwnAuth))
    const found = (await readCatalog(client)).filter(({ schema }) => schema === 'public' || own.has(schema))
    return {
      applied: applied.map(({ name }) => name),
      objects: found.length,
      differences: compareCatalogs(
        expected.filter(({ schema }) => own.has(schema)),
        found,
      ),
    }
  })
}

/** Both sides without what may differ between sound databases. */
export function compareCatalogs(expected: CatalogObject[], found: CatalogObject[]): Difference[] {
  const [wanted, present] = [mapObjects(expected), mapObjects(found)]
  // Right after a deployment there are none yet; the server makes them.
  const hasMonths = [...present.keys()].some((object) => object.includes('<month>'))
  const differences: Difference[] = []
  for (const [object, definitions] of wanted) {
    if (!hasMonths && object.includes('<month>')) continue
    const others = present.get(object) ?? new Set<string>()
    const gone = [...definitions].filter((definition) => !others.has(definition))
    const strange = [...others].filter((definition) => !definitions.has(definition))
    for (let index = 0; index < Math.max(gone.length, strange.length); index++)
      differences.push({ object, expected: gone[index] ?? null, found: strange[index] ?? null })
  }
  for (const [object, definitions] of present) {
    if (wanted.has(object)) continue
    for (const definition of definitions) differences.push({ object, expected: null, found: definition })
  }
  return differences.sort((one, other) => (one.object < other.object ? -1 : 1))
}

function mapObjects(objects: CatalogObject[]): Map<string, Set<string>> {
  const map = new Map<string, Set<string>>()
  for (const { schema, object, definition } of objects) {
    // What belongs to the whole database, and who may use schema public, is the operator's own.
    if (schema === null || /^(schema public$|privilege \w+ on schema public )/.test(object)) continue
    // One for all months: each has to look like the one in the scratch database.
    const [name, text] = withoutIndexName(withoutMonth(object), withoutMonth(definition))
    map.set(name, (map.get(name) ?? new Set()).add(text))
  }
  return map
}

/** A month that came before its index has another name for it than one that came after. */
function withoutIndexName(object: string, definition: string): [object: string, definition: string] {
  const schema = /^index (\w+)\.agent_logs_<month>/.exec(object)?.[1]
  if (!schema) return [object, definition]
  return [`indexes of ${schema}.agent_logs_<month>`, definition.replace(/ INDEX \S+ ON /, ' INDEX ON ')]
}

function withoutMonth(text: string): string {
  return text
    .replaceAll(/\bagent_logs_\d{4}_\d{2}/g, 'agent_logs_<month>')
    .replaceAll(/FOR VALUES FROM \('[^']*'\) TO \('[^']*'\)/g, 'FOR VALUES <month>')
}

async function hasLogs(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query(`select where to_regclass('public.agent_logs') is not null`)
  return (rowCount ?? 0) > 0
}

/** On Supabase the schema auth is Supabase's. */
async function hasOwnAuth(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query(
    `select where obj_description(to_regnamespace('auth'), 'pg_namespace') like 'AgentExpress:%'`,
  )
  return (rowCount ?? 0) > 0
}

/** Those that migrations use where they are there. */
async function createSameExtensions(client: pg.Client, scratchUrl: string): Promise<void> {
  const { rows } = await client.query<{ name: string; schema: string }>(
    `select extname as name, extnamespace::regnamespace::text as schema from pg_extension where extname in ('pg_trgm', 'pg_stat_statements')`,
  )
  const scratch = await connectOwner(scratchUrl)
  try {
    for (const { name, schema } of rows) {
      await scratch.query(
        `create schema if not exists ${schema}; create extension if not exists ${name} schema ${schema}`,
      )
    }
  } finally {
    await scratch.end()
  }
}

const scratchPrefix = 'agentexpress_verify_'

async function withScratchDatabase<T>(ownerUrl: string, work: (scratchUrl: string) => Promise<T>): Promise<T> {
  const admin = await connectOwner(ownerUrl)
  const name = `${scratchPrefix}${Math.floor(Date.now() / 1000)}_${randomBytes(4).toString('hex')}`
  try {
    await dropForgotten(admin)
    await admin.query(`create database ${name} template template0`).catch((cause: Error) => {
      if (!(cause instanceof pg.DatabaseError) || cause.code !== '42501') throw cause
      throw new MigrationError(
        'Comparing needs a scratch database, and the owner may not create one. Let a superuser run: alter role <owner> createdb',
        { cause },
      )
    })
    const scratchUrl = Object.assign(new URL(ownerUrl), { pathname: `/${name}` }).href
    return await work(scratchUrl)
  } finally {
    await admin.query(`drop database if exists ${name} with (force)`).finally(() => admin.end())
  }
}

/** Of commands that were killed an hour ago or earlier; the name tells when it was made. */
async function dropForgotten(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `select datname from pg_database where datname ~ $1
       and substring(datname from '_(\\d+)_')::bigint < extract(epoch from now()) - 3600`,
    [`^${scratchPrefix}\\d+_`],
  )
  for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`)
}
