/** A server, and whatever it changes with each heartbeat. */
export interface NodeSign {
  id: string
  sign: string
}

/**
 * Tells which of the servers that are listed from time to time have shown the same sign for `silentMs`. The moments are by
 * a clock of our own that never steps, as `performance.now()`: that of the database may, and would take living servers for
 * dead, or dead ones for living.
 */
export function watchSilence(silentMs: number): (nodes: readonly NodeSign[], nowMs: number) => NodeSign[] {
  let seen = new Map<string, { sign: string; sinceMs: number }>()
  let lastMs = Number.NEGATIVE_INFINITY
  return (nodes, nowMs) => {
    // Whatever kept this server from looking (the database was away, the machine asleep) may have kept the others from their
    // heartbeat: they get the time to show that they live.
    const before = nowMs - lastMs > silentMs / 2 ? new Map<string, never>() : seen
    lastMs = nowMs
    seen = new Map(
      nodes.map(({ id, sign }) => {
        const known = before.get(id)
        return [id, known?.sign === sign ? known : { sign, sinceMs: nowMs }]
      }),
    )
    return nodes.filter(({ id }) => nowMs - (seen.get(id)?.sinceMs ?? nowMs) >= silentMs)
  }
}
