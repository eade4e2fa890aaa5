import type { Config } from '../config.ts'
import { connectForCommand } from '../database/connect-for-command.ts'
import { createLog } from '../log.ts'

/** The database of this configuration for as long as `work` takes, also beside a running server. */
export async function withOwner<T>(
  config: Config,
  say: (text: string) => void,
  work: (ownerUrl: string) => Promise<T>,
): Promise<T> {
  const connected = await connectForCommand(config, createLog('error'), say)
  try {
    return await work(connected.ownerUrl)
  } finally {
    await connected.close()
  }
}
