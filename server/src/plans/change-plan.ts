import { isDeepStrictEqual } from 'node:util'
import type { Services } from '../app.ts'
import { recordAudit } from '../audit-log/record-audit.ts'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError, type Fault } from '../errors.ts'
import { measureImpact } from './measure-impact.ts'
import {
  archivePlan,
  clearDefaultPlan,
  createPlan,
  deleteOffer,
  getPlanForAdmin,
  insertOffer,
  lockPlans,
  type PlanValues,
  updatePlan,
} from './plan-queries.ts'
import type { NewPlan, PlanChange } from './plan-schemas.ts'

type Needed = Pick<Services, 'database' | 'stripe' | 'log'>

/** An admin makes a plan; what has a price goes to Stripe when that is set up. */
export async function makePlan(services: Needed, adminId: string, values: NewPlan) {
  checkPlan(values)
  const plan = await services.database.asSystem('an admin makes a plan', async (tx) => {
    await lockPlans(tx)
    const id = createId()
    if (values.is_default) await clearDefaultPlan(tx)
    await createPlan(tx, id, values)
    await recordAudit(tx, {
      actor: adminId,
      action: 'plan.create',
      target: { type: 'plan', id },
      detail: { ...values, features: values.features },
    })
    return getPlanForAdmin(tx, id)
  })
  await tellStripe(services, plan.id)
  return plan
}

const editable = [
  'name',
  'description',
  'price',
  'yearly_price',
  'currency',
  'trial_days',
  'position',
  'is_public',
  'is_default',
  'is_by_arrangement',
  'features',
] as const satisfies readonly (keyof PlanValues)[]

/** Answers the plan and whom the change affects; with `isDryRun` as it would be. Throws `conflict` when it was changed since. */
export async function changePlan(
  services: Needed,
  adminId: string,
  id: string,
  { updated_at, ...change }: PlanChange,
  isDryRun: boolean,
) {
  const answer = await services.database.asSystem('an admin changes a plan', async (tx) => {
    await lockPlans(tx)
    const before = await getPlanForAdmin(tx, id)
    if (before.updated_at.getTime() !== updated_at.getTime())
      throw new AppError('conflict', { detail: 'This plan was changed since you looked at it.' })
    const after = { ...before, ...withoutUndefined(change) }
    checkPlan(after)
    const impact = await measureImpact(tx, id, before, after)
    const changed = editable.filter((name) => !isDeepStrictEqual(before[name], after[name]))
    if (isDryRun || changed.length === 0) return { plan: after, impact, changed: [] }
    await writePlan(tx, adminId, { id, before, after, changed })
    return { plan: await getPlanForAdmin(tx, id), impact, changed }
  })
  const isForStripe = answer.changed.some((name) => name !== 'features' && name !== 'position')
  if (isForStripe) await tellStripe(services, id)
  return { plan: answer.plan, impact: answer.impact }
}

interface WrittenPlan {
  id: string
  before: PlanValues
  after: PlanValues
  changed: readonly (typeof editable)[number][]
}

async function writePlan(tx: Tx, adminId: string, { id, before, after, changed }: WrittenPlan): Promise<void> {
  const pick = (plan: PlanValues) => Object.fromEntries(changed.map((name) => [name, plan[name]]))
  if (after.is_default && !before.is_default) await clearDefaultPlan(tx)
  await updatePlan(tx, id, pick(after))
  await recordAudit(tx, {
    actor: adminId,
    action: 'plan.change',
    target: { type: 'plan', id },
    detail: { from: pick(before), to: pick(after) },
  })
}

/** Nobody can choose it any more. Throws `plan_in_use` for the default plan. */
export async function takeOffMarket(services: Needed, adminId: string, id: string) {
  const plan = await services.database.asSystem('an admin archives a plan', async (tx) => {
    await lockPlans(tx)
    const before = await getPlanForAdmin(tx, id)
    if (before.archived_at !== null) return before
    if (before.is_default)
      throw new AppError('plan_in_use', { detail: 'This is the default plan: make another plan the default first.' })
    await archivePlan(tx, id)
    await recordAudit(tx, { actor: adminId, action: 'plan.archive', target: { type: 'plan', id } })
    return getPlanForAdmin(tx, id)
  })
  await tellStripe(services, id)
  return plan
}

/** Throws `not_found` when there is no such plan or user. */
export async function offerPlan({ database }: Needed, adminId: string, planId: string, userId: string): Promise<void> {
  await database.asSystem('an admin offers a plan to a single customer', async (tx) => {
    const plan = await getPlanForAdmin(tx, planId)
    if (plan.archived_at !== null) throw new AppError('plan_not_available')
    const user = await tx.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst()
    if (!user) throw new AppError('not_found')
    if (!(await insertOffer(tx, planId, userId))) return
    await recordAudit(tx, {
      actor: adminId,
      action: 'plan.offer',
      target: { type: 'plan', id: planId },
      detail: { user_id: userId },
    })
  })
}

export async function endOffer({ database }: Needed, adminId: string, planId: string, userId: string): Promise<void> {
  await database.asSystem('an admin takes back what a single customer was offered', async (tx) => {
    if (!(await deleteOffer(tx, planId, userId))) throw new AppError('not_found')
    await recordAudit(tx, {
      actor: adminId,
      action: 'plan.offer_end',
      target: { type: 'plan', id: planId },
      detail: { user_id: userId },
    })
  })
}

/** What has been written stays so when Stripe is away: every night all plans are compared with it. */
async function tellStripe({ stripe, log }: Needed, planId: string): Promise<void> {
  await stripe?.syncPlan(planId).catch((err: unknown) => {
    log.error({ err, plan_id: planId }, 'a plan did not get to Stripe; it is tried again every night')
  })
}

/** Throws `invalid_request` with everything that does not go together. */
function checkPlan(plan: PlanValues & { archived_at?: Date | null }): void {
  const faults: Fault[] = []
  const refuse = (path: string, message: string) => faults.push({ path, message })
  const isFree = Number(plan.price) === 0
  if (plan.is_default) {
    if (!isFree) refuse('/price', 'The default plan costs nothing: nobody has signed anything.')
    if (!plan.is_public) refuse('/is_public', 'The default plan is one that everybody can see.')
    if (plan.is_by_arrangement) refuse('/is_by_arrangement', 'The default plan needs no arrangement.')
    if (plan.archived_at) refuse('/is_default', 'An archived plan cannot be the default.')
  }
  if (isFree && plan.yearly_price !== null && Number(plan.yearly_price) > 0)
    refuse('/yearly_price', 'A plan that costs nothing by the month costs nothing by the year.')
  if (!isFree && plan.yearly_price !== null && Number(plan.yearly_price) === 0)
    refuse('/yearly_price', 'Leave it empty where the plan is only sold by the month.')
  if (isFree && plan.trial_days > 0) refuse('/trial_days', 'What costs nothing needs no trial.')
  if (plan.is_by_arrangement && !isFree)
    refuse('/price', 'The price of a plan by arrangement is entered when it is assigned.')
  for (const name of ['price', 'yearly_price'] as const)
    if (plan[name] !== null && !hasOnlyDigitsOf(plan.currency, plan[name]))
      refuse(`/${name}`, `${plan.currency} has no cents.`)
  if (faults.length > 0) throw new AppError('invalid_request', { faults })
}

function hasOnlyDigitsOf(currency: string, price: string): boolean {
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
  return maximumFractionDigits > 0 || Number.isInteger(Number(price))
}

function withoutUndefined<Values extends object>(values: Values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Values]?: Exclude<Values[Name], undefined>
  }
}
