import type { LoggedError } from './system-schemas.ts'

export interface RecentErrors {
  /** A line of the log, as it is written: secrets are out of it already. */
  note(line: string): void
  /** Newest first. */
  list(): LoggedError[]
}

const kept = 50
const longestText = 500
/** The password of an address, and what has the shape of a key or a token. */
const secrets: [RegExp, string][] = [
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1[secret]@'],
  [/\b(?:sk|rk|pk|whsec|ax)_[\w-]{8,}/g, '[secret]'],
  [/\bsk-[\w*-]{4,}/g, '[secret]'],
  [/\bAIza[\w*-]{8,}/g, '[secret]'],
  [/\beyJ[\w-]{8,}(?:\.[\w-]*)*/g, '[secret]'],
  [/\b(?:Bearer|Basic)\s+[^\s"',;&]{4,}/gi, '[secret]'],
  [/\b((?:api[-_]?)?key|token|password|secret)(["']?\s*[=:]\s*["']?)[^\s"',;&]{4,}/gi, '$1$2[secret]'],
]

/** The last errors of this process, in memory. */
export function createRecentErrors(): RecentErrors {
  const errors: LoggedError[] = []
  return {
    note(line) {
      const entry = readLine(line)
      if (!entry) return
      errors.unshift(entry)
      errors.length = Math.min(errors.length, kept)
    },
    list: () => [...errors],
  }
}

function readLine(line: string): LoggedError | null {
  try {
    const { time, msg, err, request_id, reqId } = JSON.parse(line)
    const at = new Date(time)
    if (Number.isNaN(at.getTime())) return null
    const id: unknown = request_id ?? reqId
    return {
      at,
      message: clean(typeof msg === 'string' ? msg : 'an error without words'),
      error: err === undefined ? null : describeError(err),
      request_id: typeof id === 'string' ? id : null,
    }
  } catch {
    return null
  }
}

/** The words of an error without its stack, which has paths, and without what looks like a secret. */
export function describeError(error: unknown): string {
  const { message, code, name, type } = (typeof error === 'object' && error !== null ? error : {}) as Record<
    string,
    unknown
  >
  const words = [message, code, name ?? type].find((text) => typeof text === 'string' && text !== '')
  return clean(typeof words === 'string' ? words : String(error))
}

function clean(text: string): string {
  let result = text
  for (const [shape, instead] of secrets) result = result.replace(shape, instead)
  return result.length > longestText ? `${result.slice(0, longestText - 1)}…` : result
}
