import type { Fault } from '../../../../api-client/src/api-error.ts'
import type { Plan } from '../../../../api-client/src/api-types.ts'
import type { RequestOf, ResponseOf } from '../../../../api-client/src/route-types.ts'
import type { LimitName, SwitchName } from '../../../../server/src/plans/plan-features.ts'

export type AdminPlan = ResponseOf<'GET /api/v1/admin/plans'>['data'][number]
export type PlanBody = RequestOf<'POST /api/v1/admin/plans'>['body']
type Features = Plan['features']

/** A plan as it is typed: numbers stay text until it is saved, so that nothing half-typed is lost. */
export interface PlanDraft {
  name: string
  description: string
  price: string
  /** Empty: only by the month. */
  yearly_price: string
  currency: string
  trial_days: string
  position: string
  is_public: boolean
  is_default: boolean
  is_by_arrangement: boolean
  /** Null: no limit. */
  limits: Record<LimitName, string | null>
  switches: Record<SwitchName, boolean>
  integration_types: string[] | null
  models: Features['models']
  support: Features['support']
  /** One a line. */
  highlights: string
}

/** Where a new plan starts: like the smallest one that is sold. */
export const freshDraft: PlanDraft = {
  name: '',
  description: '',
  price: '',
  yearly_price: '',
  currency: 'USD',
  trial_days: '0',
  position: '10',
  is_public: true,
  is_default: false,
  is_by_arrangement: false,
  limits: {
    user_agents: '2',
    runs_per_month: '5000',
    tokens_per_month: null,
    cost_usd_per_month: null,
    integrations: '10',
    api_keys: '2',
    concurrent_runs: '5',
    log_retention_days: '90',
    upload_kb: '1024',
  },
  switches: { api: true, widget: true, schedules: true, publishing: true, own_model_keys: false },
  integration_types: null,
  models: 'all',
  support: 'email',
  highlights: '',
}

export const limitNames = Object.keys(freshDraft.limits) as LimitName[]
export const switchNames = Object.keys(freshDraft.switches) as SwitchName[]

export function toDraft(
  plan: Omit<AdminPlan, 'subscribers' | 'archived_at' | 'id' | 'slug' | 'created_at' | 'updated_at'>,
): PlanDraft {
  const { limits, switches, integration_types, models, support, highlights } = plan.features
  const texts = limitNames.map((name) => [name, limits[name] === null ? null : String(limits[name])])
  return {
    name: plan.name,
    description: plan.description,
    price: shortPrice(plan.price),
    yearly_price: plan.yearly_price === null ? '' : shortPrice(plan.yearly_price),
    currency: plan.currency,
    trial_days: String(plan.trial_days),
    position: String(plan.position),
    is_public: plan.is_public,
    is_default: plan.is_default,
    is_by_arrangement: plan.is_by_arrangement,
    limits: Object.fromEntries(texts) as PlanDraft['limits'],
    switches: { ...switches },
    integration_types,
    models,
    support,
    highlights: highlights.join('\n'),
  }
}

function shortPrice(price: string): string {
  return price.replace(/\.00$/, '')
}

const pricePattern = /^\d{1,7}([.,]\d{1,2})?$/

/** What has to be mended before it can be sent, by the paths of the API. */
export function findFaults(draft: PlanDraft): Fault[] {
  const faults: Fault[] = []
  const fault = (path: string, message: string) => faults.push({ path, message })
  if (draft.name.trim() === '') fault('/name', 'Please fill this in.')
  if (draft.description.trim() === '') fault('/description', 'Please fill this in.')
  if (!draft.is_by_arrangement && !pricePattern.test(draft.price.trim()))
    fault('/price', 'A price such as 49 or 49.50.')
  if (draft.yearly_price.trim() !== '' && !pricePattern.test(draft.yearly_price.trim()))
    fault('/yearly_price', 'A price such as 490, or nothing.')
  if (!isWhole(draft.trial_days, 730)) fault('/trial_days', 'A whole number up to 730.')
  if (!/^-?\d{1,4}$/.test(draft.position.trim())) fault('/position', 'A whole number up to 9999.')
  for (const name of limitNames) {
    const text = draft.limits[name]
    if (text === null) continue
    if (name === 'cost_usd_per_month' ? !pricePattern.test(text.trim()) : !isWhole(text, 1e12))
      fault(`/features/limits/${name}`, 'A number, or no limit.')
  }
  const lines = linesOf(draft.highlights)
  if (lines.length > 8) fault('/features/highlights', 'At most 8 lines.')
  if (lines.some((line) => line.length > 120)) fault('/features/highlights', 'At most 120 characters a line.')
  return faults
}

function isWhole(text: string, max: number): boolean {
  return /^\d+$/.test(text.trim()) && Number(text) <= max
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** The draft as the API takes it; only one without faults says what was meant. */
export function toBody(draft: PlanDraft): Required<PlanBody> {
  const price = (text: string) => text.trim().replace(',', '.')
  const limits = limitNames.map((name) => {
    const text = draft.limits[name]
    return [name, text === null ? null : Number(price(text))]
  })
  return {
    name: draft.name.trim(),
    description: draft.description.trim(),
    price: price(draft.price) || '0',
    yearly_price: draft.yearly_price.trim() === '' ? null : price(draft.yearly_price),
    currency: draft.currency,
    trial_days: Number(draft.trial_days),
    position: Number(draft.position),
    is_public: draft.is_public,
    is_default: draft.is_default,
    is_by_arrangement: draft.is_by_arrangement,
    features: {
      limits: Object.fromEntries(limits) as Features['limits'],
      switches: draft.switches,
      integration_types: draft.integration_types,
      models: draft.models,
      support: draft.support,
      highlights: linesOf(draft.highlights),
    },
  }
}

/** Only what differs: what somebody else changed meanwhile is not put back. */
export function changedParts(before: PlanDraft, after: PlanDraft): Partial<PlanBody> {
  const was = toBody(before)
  const parts = Object.entries(toBody(after)).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name as keyof PlanBody]),
  )
  return Object.fromEntries(parts)
}

/** The plan as its price card would show it; half-typed numbers count as nothing. */
export function toPreview(draft: PlanDraft): Plan {
  const body = toBody(draft)
  const number = (value: number | null) =>
    value !== null && Number.isFinite(value) ? value : value === null ? null : 0
  const limits = Object.fromEntries(limitNames.map((name) => [name, number(body.features.limits[name])]))
  return {
    ...body,
    id: '',
    slug: null,
    name: body.name || 'Name of the plan',
    description: body.description,
    price: pricePattern.test(body.price) ? body.price : '0',
    yearly_price: body.yearly_price !== null && pricePattern.test(body.yearly_price) ? body.yearly_price : null,
    trial_days: number(body.trial_days) ?? 0,
    position: 0,
    features: { ...body.features, limits: limits as Features['limits'] },
  }
}
