import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm'
import { onTestFinished } from 'vitest'
import type { Migration } from '../../server/src/database/migrations/migration.ts'

const schemaFile = join(import.meta.dirname, '../schema.prisma')
const filters = { externalTables: [], externalEnums: [] }

let loading: Promise<typeof SchemaEngine> | undefined

/** Prisma's own schema engine, in this process. The package expects a bundler that imports .wasm files; Node links it by hand. */
async function loadEngine(): Promise<typeof SchemaEngine> {
  const glue = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')
  const bytes = await readFile(entry.replace(/schema_engine\.js$/, 'schema_engine_bg.wasm'))
  const imports = { './schema_engine_bg.js': glue as unknown as WebAssembly.ModuleImports }
  const { instance } = await WebAssembly.instantiate(bytes, imports)
  const { __wbg_set_wasm: setWasm } = glue as unknown as { __wbg_set_wasm(exports: WebAssembly.Exports): void }
  setWasm(instance.exports)
  ;(instance.exports.__wbindgen_start as () => void)()
  return glue.SchemaEngine as typeof SchemaEngine
}

async function openEngine(url: string, schema?: string): Promise<SchemaEngine> {
  loading ??= loadEngine()
  const Engine = await loading
  // An idle connection would go on holding the lock that deployers wait for.
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url, idleTimeoutMillis: 50 }))
  const engine = await Engine.new({ datamodels: schema ? [[schemaFile, schema]] : undefined }, () => {}, adapter)
  onTestFinished(() => engine.free())
  return engine
}

function listForPrisma(migrations: Migration[]): MigrationList {
  return {
    baseDir: '/migrations',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, up }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: up } },
    })),
  }
}

/** What `prisma migrate status` bases its answer on. */
export async function diagnose(url: string, migrations: Migration[]) {
  const engine = await openEngine(url)
  return engine.diagnoseMigrationHistory({
    migrationsList: listForPrisma(migrations),
    optInToShadowDatabase: false,
    filters,
  })
}

/** `prisma migrate resolve --rolled-back` */
export async function resolveRolledBack(url: string, migrationName: string): Promise<void> {
  await (await openEngine(url)).markMigrationRolledBack({ migrationName })
}

/** `prisma migrate resolve --applied` */
export async function resolveApplied(url: string, migrationName: string, migrations: Migration[]): Promise<void> {
  await (await openEngine(url)).markMigrationApplied({ migrationName, migrationsList: listForPrisma(migrations) })
}

/** The SQL that Prisma makes from schema.prisma for an empty database. */
export async function writeSchemaSql(url: string): Promise<string> {
  const schema = await readFile(schemaFile, 'utf8')
  const engine = await openEngine(url, schema)
  const { stdout } = await engine.diff({
    from: { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: [{ path: schemaFile, content: schema }] },
    script: true,
    exitCode: null,
    filters,
  })
  return stdout ?? ''
}
