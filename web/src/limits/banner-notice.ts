import { formatCost } from '../agent-logs/format-run.ts'
import type { Limits } from './limit-queries.ts'
import { limitFigure, resetDay } from './limit-words.ts'
import type { WayOut } from './plan-refusal.ts'

/** What stands above every page until it is dealt with, or put away for the day. */
export interface BannerNotice {
  id: string
  color: 'honey' | 'red'
  title: string
  detail: string
  action: WayOut | { kind: 'subscription'; label: string }
  canHide: boolean
}

type Standing = Pick<Limits, 'is_lapsed' | 'subscription' | 'plan' | 'limits' | 'warnings'>

/** The one thing that matters most; null when all is well. */
export function findNotice({ is_lapsed, subscription, plan, limits, warnings }: Standing): BannerNotice | null {
  const isPastDue = subscription?.status === 'past_due'
  if (is_lapsed) {
    return {
      id: 'lapsed',
      color: 'red',
      title: isPastDue ? 'Your payment failed, and your agents are paused' : 'Your subscription has ended',
      detail: isPastDue
        ? 'Nothing is lost. Pay, and they go on.'
        : 'Your agents are paused and nothing is lost: you can read, download and delete everything.',
      action: isPastDue ? { kind: 'subscription', label: 'See what to do' } : { kind: 'plans', label: 'Choose a plan' },
      canHide: false,
    }
  }
  if (isPastDue) {
    const until = subscription.grace_until
    return {
      id: 'past_due',
      color: 'red',
      title: 'Your last payment failed',
      detail: until === null ? 'Everything goes on for now.' : `Everything goes on until ${dayOf(until)}.`,
      action: { kind: 'subscription', label: 'See what to do' },
      canHide: true,
    }
  }
  return limitNotice(plan?.name ?? 'your plan', limits, warnings)
}

/** Reached before near, one's own cap before the plan: it is the one that can be changed at once. */
function limitNotice(
  planName: string,
  limits: Standing['limits'],
  warnings: Standing['warnings'],
): BannerNotice | null {
  const [warning] = warnings.toSorted((a, b) => b.threshold - a.threshold || rank(a.limit) - rank(b.limit))
  const limit = limits.find(({ name }) => name === warning?.limit)
  if (!warning || !limit || limit.limit === null || limit.used === null) return null
  const isReached = warning.threshold === 100
  const anew = limit.resets_at === null ? '' : `Your month begins anew on ${resetDay(limit.resets_at)}.`
  const shared = {
    id: `${warning.limit}_${warning.threshold}`,
    color: isReached ? 'red' : 'honey',
    canHide: true,
  } as const
  if (warning.limit === 'cost_cap') {
    return {
      ...shared,
      title: isReached
        ? `Your own cap of ${formatCost(limit.limit)} a month is reached`
        : `${formatCost(limit.used)} of your own cap of ${formatCost(limit.limit)} are spent`,
      detail: isReached ? `Your agents are paused. ${anew}` : anew,
      action: { kind: 'cost-cap', label: 'Change the cap' },
    }
  }
  const unit = unitWords[warning.limit] ?? ''
  const figures = `${limitFigure(warning.limit, limit.used)} of ${limitFigure(warning.limit, limit.limit)}${unit}`
  return {
    ...shared,
    title: isReached
      ? `All ${limitFigure(warning.limit, limit.limit)}${unit} of ${planName} are used`
      : `${figures} of ${planName} are used`,
    detail: isReached ? `Your agents are paused. ${anew}` : anew,
    action: { kind: 'plans', label: 'Get more' },
  }
}

const unitWords: Record<string, string> = {
  runs_per_month: ' runs',
  tokens_per_month: ' tokens',
  cost_usd_per_month: ' of model cost',
}

function rank(limit: string): number {
  return ['cost_cap', 'runs_per_month'].indexOf(limit) === -1 ? 2 : ['cost_cap', 'runs_per_month'].indexOf(limit)
}

function dayOf(value: string): string {
  return new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' }).format(new Date(value))
}

/** Put away until tomorrow, here where it was read; a notice that got worse has another id and comes back. */
export function hiddenMark(notice: Pick<BannerNotice, 'id'>, now: Date): string {
  return `${notice.id} ${now.getFullYear()}-${now.getMonth() + 1}-${now.getDate()}`
}
