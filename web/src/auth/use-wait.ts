import { useEffect, useState } from 'react'
import { ApiError } from '../../../api-client/src/api-error.ts'

/** Seconds left of the `Retry-After` of an error, counting down. */
export function useWait(error: unknown): number {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    const wait = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) : 0
    // Measured against a clock: timers sleep in a tab that is not looked at.
    const end = performance.now() + wait * 1000
    setSeconds(wait)
    if (wait === 0) return
    const timer = setInterval(() => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000))
      setSeconds(left)
      if (left === 0) clearInterval(timer)
    }, 500)
    return () => clearInterval(timer)
  }, [error])
  return seconds
}
