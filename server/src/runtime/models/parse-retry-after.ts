/**
 * How long a provider asks to wait, in milliseconds; null when it says nothing readable. Reads `retry-after-ms` (OpenAI),
 * `Retry-After` as seconds or HTTP date (RFC 9110, 10.2.3), and the `RetryInfo` in the body of a Google error.
 */
export function parseRetryAfter(headers: Record<string, string>, data?: unknown, now = Date.now()): number | null {
  const milliseconds = Number(headers['retry-after-ms'] || Number.NaN)
  if (milliseconds >= 0) return milliseconds
  const value = headers['retry-after']?.trim()
  if (value) {
    const seconds = Number(value)
    if (seconds >= 0) return Math.round(seconds * 1000)
    const date = Date.parse(value)
    if (!Number.isNaN(date)) return Math.max(0, date - now)
  }
  return readRetryInfo(data)
}

function readRetryInfo(data: unknown): number | null {
  const details = (data as { error?: { details?: unknown } } | undefined)?.error?.details
  if (!Array.isArray(details)) return null
  for (const detail of details as { retryDelay?: unknown }[]) {
    const match = /^(\d+(?:\.\d+)?)s$/.exec(String(detail?.retryDelay ?? ''))
    if (match) return Math.round(Number(match[1]) * 1000)
  }
  return null
}
