import { limitWords, switchWords } from '../../limits/limit-words.ts'
import type { PlanDraft } from './plan-draft.ts'

/** One field that somebody else changed while it was edited here. */
export interface ForeignChange {
  label: string
  /** As it was when the editing began, and as it is now. */
  from: string
  to: string
  /** What was typed here, where both changed it; it is kept. */
  mine: string | null
}

type Fields = Record<string, unknown>

/**
 * Brings what was typed together with a plan that somebody else has changed since: fields that only they changed follow
 * them, fields that were typed here stay as typed.
 */
export function mergePlan(base: PlanDraft, mine: PlanDraft, theirs: PlanDraft) {
  const changes: ForeignChange[] = []
  const merged = mergeFields(base, mine, theirs, changes, fieldLabel)
  merged.limits = mergeFields(base.limits, mine.limits, theirs.limits, changes, (name) => limitWords(name).title)
  merged.switches = mergeFields(
    base.switches,
    mine.switches,
    theirs.switches,
    changes,
    (name) => switchWords(name).title,
  )
  return { merged, changes }
}

function mergeFields<T extends object>(
  base: T,
  mine: T,
  theirs: T,
  changes: ForeignChange[],
  label: (name: string) => string,
): T {
  const merged = { ...mine } as Fields
  for (const name of Object.keys(base)) {
    if (name === 'limits' || name === 'switches') continue
    const [was, typed, now] = [(base as Fields)[name], (mine as Fields)[name], (theirs as Fields)[name]]
    if (isSame(was, now)) continue
    const isMine = !isSame(was, typed)
    if (!isMine) merged[name] = now
    // Both typed the same: nothing to tell.
    if (isSame(typed, now)) continue
    changes.push({ label: label(name), from: wordsOf(was), to: wordsOf(now), mine: isMine ? wordsOf(typed) : null })
  }
  return merged as T
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

const labels: Record<string, string> = {
  price: 'Price a month',
  yearly_price: 'Price a year',
  trial_days: 'Days of trial',
  is_public: 'Everybody can choose it',
  is_default: 'For users without a subscription',
  is_by_arrangement: 'By arrangement',
  integration_types: 'Kinds of accounts',
  highlights: 'Lines on the card',
}

function fieldLabel(name: string): string {
  return labels[name] ?? name.charAt(0).toUpperCase() + name.slice(1)
}

function wordsOf(value: unknown): string {
  if (value === null) return 'no limit'
  if (value === '') return 'nothing'
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ')
  return String(value).replaceAll('\n', ' / ')
}
