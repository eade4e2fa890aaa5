import { AppError } from '../errors.ts'

export type AbortReason = 'cancelled' | 'interrupted'

export interface RunSlot {
  signal: AbortSignal
  abort(reason: AbortReason): void
  end(): void
}

export interface ActiveRuns {
  /** Takes a place for a run that is not on this server yet. Throws `too_many_runs` or `shutting_down`. */
  begin(runId: string, userId: string): RunSlot
  has(runId: string): boolean
  /** False when the run is not on this server. */
  abort(runId: string, reason: AbortReason): boolean
  /** No run begins any more; those that are running end by themselves, or as `interrupted` after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  readonly count: number
  readonly isDraining: boolean
}

/** The runs of this server process: how many there may be, and how to stop them. */
export function createActiveRuns(limits: { maxRuns: number; maxRunsPerUser: number }): ActiveRuns {
  const running = new Map<string, AbortController>()
  const perUser = new Map<string, number>()
  let isDraining = false
  let onEmpty: (() => void) | null = null

  return {
    begin(runId, userId) {
      if (isDraining) throw new AppError('shutting_down', { retryAfterSeconds: 5 })
      const ofUser = perUser.get(userId) ?? 0
      if (running.size >= limits.maxRuns || ofUser >= limits.maxRunsPerUser)
        throw new AppError('too_many_runs', { retryAfterSeconds: 2 })
      const controller = new AbortController()
      running.set(runId, controller)
      perUser.set(userId, ofUser + 1)
      let isEnded = false
      return {
        signal: controller.signal,
        abort: (reason) => controller.abort(reason),
        end() {
          if (isEnded) return
          isEnded = true
          // A run that waited may have gone on here already, in a slot of its own.
          if (running.get(runId) === controller) running.delete(runId)
          const left = (perUser.get(userId) ?? 1) - 1
          if (left > 0) perUser.set(userId, left)
          else perUser.delete(userId)
          if (running.size === 0) onEmpty?.()
        },
      }
    },
    has: (runId) => running.has(runId),
    abort(runId, reason) {
      const controller = running.get(runId)
      controller?.abort(reason)
      return controller !== undefined
    },
    async drain(timeoutMs) {
      isDraining = true
      if (running.size === 0) return
      const emptied = new Promise<void>((resolve) => {
        onEmpty = resolve
      })
      const timer = setTimeout(() => {
        for (const controller of running.values()) controller.abort('interrupted' satisfies AbortReason)
      }, timeoutMs)
      await emptied
      clearTimeout(timer)
    },
    get isDraining() {
      return isDraining
    },
    get count() {
      return running.size
    },
  }
}
