import type { Plan } from '../../../api-client/src/api-types.ts'
import { countOf } from '../agent-logs/format-run.ts'
import { type BillingInterval, intervalOf, isFree } from './plan-price.ts'

/** How a plan stands for whoever looks at it. */
export type PlanState = 'current' | 'next' | 'requested' | 'open'

interface Standing {
  plan: { id: string } | null
  next_plan: { id: string } | null
  request: { plan_id: string; status: string } | null
  is_lapsed: boolean
}

/** The plan of somebody whose subscription has ended can be chosen again. */
export function planStateOf(planId: string, standing: Standing | null | undefined): PlanState {
  if (!standing) return 'open'
  if (standing.request?.status === 'open' && standing.request.plan_id === planId) return 'requested'
  if (standing.next_plan?.id === planId) return 'next'
  return standing.plan?.id === planId && !standing.is_lapsed ? 'current' : 'open'
}

type Choosable = Pick<
  Plan,
  'id' | 'name' | 'price' | 'yearly_price' | 'currency' | 'trial_days' | 'is_by_arrangement' | 'is_default'
>

export function chooseLabel(plan: Choosable, isStranger: boolean): string {
  if (plan.is_by_arrangement) return 'Talk to us'
  if (isFree(plan)) return isStranger ? 'Start free' : `Choose ${plan.name}`
  if (plan.trial_days > 0 && isStranger) return `Try it ${countOf(plan.trial_days, 'day')} for free`
  return `Choose ${plan.name}`
}

/** Where to go after signing up, so that the plan is not chosen twice. Who takes the default plan has it already. */
export function chooseAddress(plan: Choosable, interval: BillingInterval): { redirect?: string } {
  if (plan.is_default) return {}
  return { redirect: `/subscription?choose=${plan.id}&interval=${intervalOf(plan, interval)}` }
}

/** Whether an address that signing up leads to is a plan that was chosen before. */
export function isChosenPlan(redirect: string | undefined): boolean {
  return redirect?.startsWith('/subscription?choose=') ?? false
}
