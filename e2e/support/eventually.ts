import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again until there is an answer; a slow machine has all the time it needs. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await sleep(50)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`It did not happen: ${what}`)
}
