import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export async function readVersion(): Promise<string> {
  return String(JSON.parse(await readFile(join(import.meta.dirname, '../../../package.json'), 'utf8')).version)
}
