import { ApiError } from '../../../api-client/src/api-error.ts'

/** Faults of an API error by the first part of their path, e.g. `{ email: '...' }`. */
export function fieldFaults(error: unknown): Record<string, string> {
  if (!(error instanceof ApiError)) return {}
  return Object.fromEntries(error.errors.map(({ path, message }) => [path.split('/')[1] ?? '', message]))
}
