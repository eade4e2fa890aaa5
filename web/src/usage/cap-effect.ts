import { formatCost } from '../agent-logs/format-run.ts'
import { resetDay } from '../limits/limit-words.ts'

/** What a cap does, with the money that this month has cost so far. */
export function capEffect(cap: number | null, spent: number, resetsAt: string): string {
  const soFar = `This month has cost ${formatCost(spent)} so far.`
  const day = resetDay(resetsAt)
  if (cap === null) return `${soFar} Without a cap only your plan ends it.`
  if (cap === 0) return 'With 0 nothing runs at all.'
  if (spent >= cap) return `${soFar} With this cap nothing more runs until ${day}.`
  return `${soFar} ${formatCost(cap - spent)} are left. At the cap no run begins until ${day}, and one that is under way ends after its step.`
}
