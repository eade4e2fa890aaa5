import { ApiError } from '../../../api-client/src/api-error.ts'
import { formatCost } from '../agent-logs/format-run.ts'
import { limitFigure, limitWords, resetDay, switchWords } from './limit-words.ts'

/** Where one goes on from there. */
export type WayOut =
  | { kind: 'plan'; planId: string; label: string }
  | { kind: 'plans'; label: string }
  | { kind: 'cost-cap'; label: string }

/** What a plan, a subscription or one's own cap refused, in words for a person. */
export interface PlanRefusal {
  title: string
  detail: string
  wayOut: WayOut
  /** The same works a little later. */
  canTryAgain: boolean
}

const codes = ['plan_limit_reached', 'cost_cap_reached', 'subscription_lapsed', 'not_in_plan'] as const
type PlanCode = (typeof codes)[number]

/** Whether an error of the API or of a run in the log is about the plan. */
export function isPlanCode(code: string | null | undefined): code is PlanCode {
  return codes.some((one) => one === code)
}

/** Null for every error that has nothing to do with the plan. */
export function readPlanRefusal(error: unknown): PlanRefusal | null {
  if (!(error instanceof ApiError) || !isPlanCode(error.code)) return null
  return describeRefusal(error.code, error.more)
}

/** The same from a code alone, as it stands in the log of a run, or with the members that came with it. */
export function describeRefusal(code: PlanCode, more: Record<string, unknown> = {}): PlanRefusal {
  if (code === 'subscription_lapsed') {
    return {
      title: 'Your subscription has ended',
      detail: 'Nothing is lost: you can read, download and delete everything. Choose a plan and your agents go on.',
      wayOut: { kind: 'plans', label: 'Choose a plan' },
      canTryAgain: false,
    }
  }
  if (code === 'cost_cap_reached') return describeCap(more)
  if (code === 'not_in_plan') return describeMissing(more)
  return describeLimit(more)
}

function describeCap(more: Record<string, unknown>): PlanRefusal {
  const cap = numberOf(more.limit_value)
  return {
    title: cap === null ? 'Your own cap is reached' : `Your own cap of ${formatCost(cap)} a month is reached`,
    detail: `${anewWords(more, 'the 1st of next month')} You set this cap and can raise it at any time.`,
    wayOut: { kind: 'cost-cap', label: 'Change the cap' },
    canTryAgain: false,
  }
}

function describeMissing(more: Record<string, unknown>): PlanRefusal {
  const feature = textOf(more.feature)
  const upgrade = upgradeOf(more)
  return {
    title: `Your plan does not include ${feature === null ? 'this' : featureWords(feature)}`,
    detail: `${upgrade ? `${upgrade.name} does.` : 'Other plans include more.'} Nothing of what you entered is lost.`,
    wayOut: planWayOut(more),
    canTryAgain: false,
  }
}

/** A switch, the models, or a type of account. */
function featureWords(feature: string): string {
  if (feature === 'models') return 'language models'
  const known = switchWords(feature)
  return known.help === '' ? `accounts of the type ${known.title}` : `“${known.title}”`
}

function describeLimit(more: Record<string, unknown>): PlanRefusal {
  const name = textOf(more.limit)
  const limit = numberOf(more.limit_value)
  if (name === null || limit === null) {
    return {
      title: 'A limit of your plan is reached',
      detail: `${anewWords(more, null)} A larger plan lifts it at once.`.trim(),
      wayOut: planWayOut(more),
      canTryAgain: false,
    }
  }
  const words = limitWords(name)
  const upgrade = upgradeOf(more)
  const isOfMonth = textOf(more.resets_at) !== null
  const lifts =
    upgrade === null ? '' : isOfMonth ? `With ${upgrade.name} you go on at once.` : `${upgrade.name} has more.`
  const self = words.wayOut === null ? '' : `${words.wayOut}, or choose a larger plan.`
  return {
    title: titleOf(name, limit),
    detail: [isOfMonth ? anewWords(more, null) : self, lifts].filter((part) => part).join(' '),
    wayOut: planWayOut(more),
    canTryAgain: name === 'concurrent_runs',
  }
}

function titleOf(name: string, limit: number): string {
  const figure = limitFigure(name, limit)
  if (limit === 0) return `Your plan includes ${limitWords(name).amount(0).replace(/^No /, 'no ')}`
  if (name === 'runs_per_month') return `The ${figure} runs of your plan are used up for this month`
  if (name === 'tokens_per_month') return `The ${figure} tokens of your plan are used up for this month`
  if (name === 'cost_usd_per_month') return `The ${figure} of model cost in your plan are used up for this month`
  if (name === 'concurrent_runs') return `Your plan lets ${limitWords(name).amount(limit)} go on`
  return `Your plan includes ${limitWords(name).amount(limit)}`
}

/** When it begins anew, as a sentence; nothing where that is not known. */
function anewWords(more: Record<string, unknown>, otherwise: string | null): string {
  const resetsAt = textOf(more.resets_at)
  const day = resetsAt === null ? otherwise : resetDay(resetsAt)
  return day === null ? '' : `Your month begins anew on ${day}.`
}

function planWayOut(more: Record<string, unknown>): WayOut {
  const upgrade = upgradeOf(more)
  if (upgrade === null) return { kind: 'plans', label: 'See the plans' }
  return { kind: 'plan', planId: upgrade.plan_id, label: `See ${upgrade.name}` }
}

function upgradeOf({ upgrade }: Record<string, unknown>): { plan_id: string; name: string } | null {
  if (typeof upgrade !== 'object' || upgrade === null) return null
  const { plan_id, name } = upgrade as { plan_id?: unknown; name?: unknown }
  return typeof plan_id === 'string' && typeof name === 'string' ? { plan_id, name } : null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** Money comes as a decimal string. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}
