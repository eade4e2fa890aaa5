/** Its message is a sentence for the operator: what is wrong and what to do. */
export class BackupError extends Error {
  override name = 'BackupError'
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return error.message || code || error.name
}
