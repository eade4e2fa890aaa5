/** Its message is a sentence for the operator: what is wrong and what to do. */
export class BackupError extends Error {
  override name = 'BackupError'
}

/** The stored file is not what was written: changed, cut off, or never a backup. No wrong key and no fault of the way to it. */
export class DamagedBackup extends BackupError {
  override name = 'DamagedBackup'
}

export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new BackupError('It was stopped.')
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return error.message || code || error.name
}
