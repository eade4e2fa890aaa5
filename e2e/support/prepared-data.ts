import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import { makeDataFolder } from './start-program.ts'

/** Like `makeDataFolder`, with what the first start makes already in it: making a database takes longer than most stories. */
export async function copyPreparedData(): Promise<string> {
  const folder = await makeDataFolder()
  // With the owner of each file: where we are root, PostgreSQL's are another user's.
  await promisify(execFile)('cp', ['-a', `${inject('preparedData')}/.`, folder])
  return folder
}
