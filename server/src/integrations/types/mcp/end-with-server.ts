const processIds = new Set<number>()
let isWatching = false

/** A server that is told to stop at once must not leave programs behind. */
export function endWithServer(processId: number): void {
  processIds.add(processId)
  if (isWatching) return
  isWatching = true
  process.once('exit', () => {
    for (const id of processIds) {
      try {
        process.kill(id, 'SIGKILL')
      } catch {
        // It has ended already.
      }
    }
  })
}

/** The program has ended; its id may soon be another one's. */
export function hasEnded(processId: number): void {
  processIds.delete(processId)
}
