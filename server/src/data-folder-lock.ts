import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Thrown when another process of ours works on the data folder. */
export class DataFolderInUse extends Error {
  override name = 'DataFolderInUse'
  readonly pid: number
  constructor(dataDir: string, pid: number) {
    super(
      `Another AgentExpress (process ${pid}) works on ${dataDir}. Stop it, or set DATA_DIR and PORT to start a second one.`,
    )
    this.pid = pid
  }
}

/**
 * Makes sure that one server alone works on a data folder. Throws `DataFolderInUse` when another is running; a lock whose
 * process is gone (kill -9) is taken over. Answers the function that gives it back.
 */
export async function lockDataFolder(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true }).catch((cause: Error) => {
    throw new Error(
      `The folder ${dataDir} (DATA_DIR) cannot be made. Change the owner of the folder above it or set DATA_DIR to another one.`,
      { cause },
    )
  })
  const path = join(dataDir, 'server.pid')
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      // Linked when it is complete: an empty file would look like one whose writer died.
      const own = `${path}.${process.pid}`
      await writeFile(own, `${process.pid}\n`, { mode: 0o600 })
      await link(own, path).finally(() => rm(own, { force: true }))
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new Error(
          `The folder ${dataDir} (DATA_DIR) cannot be written by this user. Change its owner or set DATA_DIR to another one.`,
          { cause: error },
        )
      }
    }
    const pid = Number((await readFile(path, 'utf8').catch(() => '')).trim())
    if (pid && pid !== process.pid && (await isServer(pid))) {
      throw new DataFolderInUse(dataDir, pid)
    }
    await rm(path, { force: true })
  }
  throw new Error(`Another AgentExpress is starting on ${dataDir} at this moment.`)
}

async function isServer(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  // The number may belong to another program by now; where there is no /proc we believe the file.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null)
  return commandLine === null || commandLine.includes('main.ts')
}
