import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { listBackups } from './backup-records.ts'
import { createEmptyDatabase, createFilledDatabase, makeFolder, runSql } from './backup-testing.ts'
import { FolderStore } from './folder-store.ts'

const main = join(import.meta.dirname, '../main.ts')
const megabytes = 64
// Freed buffers would count until V8 happens to look: it is made to, so that the peak is what was needed at one moment.
const report = `import { writeFileSync } from 'node:fs'
setInterval(() => globalThis.gc(), 20).unref()
process.on('exit', () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS)))`

/** Megabytes that `backup <args>` held at most, as a process of its own. */
async function measurePeak(environment: Record<string, string>, ...args: string[]): Promise<number> {
  const peakFile = join(await makeFolder(), 'peak')
  const env = { PATH: process.env.PATH, LOG_LEVEL: 'error', ...environment, PEAK_FILE: peakFile }
  const flags = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(report)}`]
  await promisify(execFile)(process.execPath, [...flags, main, 'backup', ...args], { env, cwd: environment.DATA_DIR })
  return Number(await readFile(peakFile, 'utf8')) / 1024
}

async function measureBoth(ownerUrl: string): Promise<{ create: number; restore: number; bytes: number }> {
  const [dataDir, backupDir, target] = [await makeFolder(), await makeFolder(), await createEmptyDatabase()]
  const at = (url: string) => ({ DATA_DIR: dataDir, BACKUP_DIR: backupDir, DATABASE_URL: url, DIRECT_URL: url })
  const identity = join(dataDir, 'identity.txt')
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'backup', 'new-key', identity], {
    env: { PATH: process.env.PATH, ...at(ownerUrl) },
  })
  const recipients = { BACKUP_RECIPIENTS: /BACKUP_RECIPIENTS=(\S+)/.exec(stdout)?.[1] ?? '' }
  const create = await measurePeak({ ...at(ownerUrl), ...recipients }, 'create')
  const [{ name, bytes } = { name: '', bytes: 0 }] = await listBackups(new FolderStore(backupDir))
  const restore = await measurePeak(at(target), 'restore', name, '--identity', identity)
  return { create, restore, bytes }
}

test(`a database of ${megabytes} MB more is backed up and restored in the same memory`, {
  timeout: 240_000,
}, async () => {
  const [small, large] = [await createFilledDatabase(1), await createFilledDatabase(1)]
  // Random text that repeats only where zstd's window has long forgotten it: the file is large too.
  await runSql(
    large.ownerUrl,
    `with texts as materialized (
       select n, (select string_agg(md5(random()::text || n || i), '') from generate_series(1, 4096) i) as text
       from generate_series(1, 32) n)
     insert into agents (id, name, description, type, capabilities)
     select gen_random_uuid(), 'large', '', 'social', jsonb_build_object('text', text)
     from generate_series(1, $1::integer / 4) copy, texts order by copy, n`,
    [megabytes],
  )
  const [few, many] = [await measureBoth(small.ownerUrl), await measureBoth(large.ownerUrl)]
  expect(many.bytes - few.bytes).toBeGreaterThan((megabytes / 2) * 1e6)
  expect(many.create - few.create).toBeLessThan(megabytes / 2)
  expect(many.restore - few.restore).toBeLessThan(megabytes / 2)
})
