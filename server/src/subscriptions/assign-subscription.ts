import type { Services } from '../app.ts'
import { recordAudit } from '../audit-log/record-audit.ts'
import type { Tx } from '../database/database.ts'
import { AppError, type Fault } from '../errors.ts'
import { findPlan, type PlanRow } from '../plans/plan-queries.ts'
import { applySubscription } from './apply-subscription.ts'
import { findCancellation } from './end-subscription.ts'
import { decideRequest, getOpenRequest, getRequestForAdmin } from './plan-request-queries.ts'
import { findCurrentSubscription, lockSubscription, type SubscriptionRow } from './subscription-queries.ts'
import type { Assignment, Keep } from './subscription-schemas.ts'
import { hasLapsed, isLiving } from './transitions.ts'
import { isFree, type NewSubscription } from './write-subscription.ts'

type Needed = Pick<Services, 'database' | 'stripe'>

const dayMs = 86_400_000

/** An admin puts a user on a plan, at once and in place of what they have. */
export async function assignSubscription(
  services: Needed,
  adminId: string,
  userId: string,
  { reason, ...assignment }: Assignment,
): Promise<SubscriptionRow> {
  // Whatever is wrong with it is said before anything is cancelled at Stripe.
  await services.database.asSystem('an admin puts a user on a plan', async (tx) => {
    await requireUser(tx, userId)
    await toNewSubscription(tx, assignment, null)
  })
  await endAtStripe(services, userId)
  return services.database.asSystem('an admin puts a user on a plan', async (tx) => {
    await lockSubscription(tx, userId)
    await requireUser(tx, userId)
    return assign(tx, { adminId, userId, assignment, keep: null, detail: { reason } })
  })
}

interface AssignOptions {
  adminId: string
  userId: string
  assignment: Omit<Assignment, 'reason'>
  keep: Keep | null
  detail: Record<string, unknown>
}

async function assign(tx: Tx, { adminId, userId, assignment, keep, detail }: AssignOptions): Promise<SubscriptionRow> {
  const current = await findCurrentSubscription(tx, userId)
  // They have paid in between.
  if (current?.source === 'stripe' && isLiving(current.status)) throw new AppError('conflict')
  const subscription = await toNewSubscription(tx, assignment, keep)
  const change = { kind: 'begin' as const, ...subscription }
  const row = await applySubscription(tx, { userId, change, cause: 'admin', actor: adminId, detail })
  if (!row) throw new AppError('subscription_change_not_allowed')
  const { plan_id, source, price, currency, billing_interval, end_date } = row
  await recordAudit(tx, {
    actor: adminId,
    action: source === 'comp' ? 'subscription.comp' : 'subscription.assign',
    target: { type: 'user', id: userId },
    detail: { subscription_id: row.id, plan_id, price, currency, billing_interval, end_date },
  })
  return row
}

/** What a user pays by Stripe is over before an admin gives them something else. */
async function endAtStripe({ database, stripe }: Needed, userId: string): Promise<void> {
  const current = await database.asSystem('an admin puts a user on a plan', (tx) => findCurrentSubscription(tx, userId))
  if (current?.source !== 'stripe' || !isLiving(current.status)) return
  if (!stripe) throw new AppError('stripe_not_configured')
  await stripe.cancelNow(userId)
}

async function toNewSubscription(
  tx: Tx,
  { plan_id, source, billing_interval, price, end_date, trial_days }: Omit<Assignment, 'reason'>,
  keep: Keep | null,
): Promise<NewSubscription> {
  const plan = await findPlan(tx, plan_id)
  if (!plan || plan.archived_at !== null) throw new AppError('plan_not_available')
  const faults: Fault[] = []
  const refuse = (path: string, message: string) => faults.push({ path, message })
  const isPaid = source === 'manual' && billing_interval !== null
  if (end_date && end_date.getTime() <= Date.now()) refuse('/end_date', 'This must be in the future.')
  if (source === 'comp' && billing_interval !== null) refuse('/billing_interval', 'What is given is not paid.')
  if (source === 'comp' && trial_days !== undefined) refuse('/trial_days', 'What is given has an end instead.')
  if (price !== undefined && !isPaid) refuse('/price', 'A price needs a billing interval, and what is given has none.')
  const listed = billing_interval === 'year' ? plan.yearly_price : plan.price
  if (isPaid && price === undefined && listed === null) refuse('/price', 'This plan has no price a year: enter one.')
  if (source === 'manual' && billing_interval === null && !isFree(plan) && !plan.is_by_arrangement)
    refuse('/billing_interval', 'Choose by the month or by the year; what costs nothing is given.')
  if (faults.length > 0) throw new AppError('invalid_request', { faults })
  return {
    plan_id,
    source,
    billing_interval,
    price: isPaid ? (price ?? listed ?? '0.00') : '0.00',
    currency: plan.currency,
    trial_end: trial_days === undefined ? null : new Date(Date.now() + trial_days * dayMs),
    end_date,
    keep,
  }
}

async function requireUser(tx: Tx, userId: string): Promise<void> {
  const user = await tx.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst()
  if (!user) throw new AppError('not_found')
}

/** An admin ends what a user has, now or when it is over by itself. */
export async function endSubscription(
  { database, stripe }: Needed,
  adminId: string,
  userId: string,
  { at, reason }: { at: 'now' | 'period_end'; reason: string },
): Promise<SubscriptionRow> {
  const why = 'an admin ends the subscription of a user'
  const found = await database.asSystem(why, (tx) => getLivingOf(tx, userId))
  const isAtStripe = found.source === 'stripe'
  if (isAtStripe) {
    if (!stripe) throw new AppError('stripe_not_configured')
    await (at === 'now' ? stripe.cancelNow(userId) : stripe.cancelAtPeriodEnd(userId))
  }
  return database.asSystem(why, async (tx) => {
    await lockSubscription(tx, userId)
    let row = isAtStripe ? ((await findCurrentSubscription(tx, userId)) ?? found) : await getLivingOf(tx, userId)
    if (!isAtStripe) {
      if (row.source === 'stripe') throw new AppError('conflict')
      const change = at === 'now' ? ({ kind: 'end', status: 'canceled' } as const) : findCancellation(row, new Date())
      row = (await applySubscription(tx, { userId, change, cause: 'admin', actor: adminId, detail: { reason } })) ?? row
    }
    await recordAudit(tx, {
      actor: adminId,
      action: 'subscription.end',
      target: { type: 'user', id: userId },
      detail: { subscription_id: row.id, plan_id: row.plan_id, at },
    })
    return row
  })
}

async function getLivingOf(tx: Tx, userId: string): Promise<SubscriptionRow> {
  await requireUser(tx, userId)
  const row = await findCurrentSubscription(tx, userId)
  if (!row || hasLapsed(row, new Date()))
    throw new AppError('subscription_change_not_allowed', { detail: 'This user has no subscription that goes on.' })
  return row
}

interface Acceptance {
  answer: string
  price?: string | undefined
  end_date: Date | null
  trial_days?: number | undefined
}

/** The user has the plan at once, with what they chose to keep. */
export async function acceptPlanRequest(
  services: Needed,
  adminId: string,
  id: string,
  { answer, ...terms }: Acceptance,
) {
  const why = 'an admin answers a request for a plan'
  const found = await services.database.asSystem(why, async (tx) => {
    const request = await getOpenRequest(tx, id)
    await toNewSubscription(tx, await toAssignment(tx, request, terms), request.keep)
    return request
  })
  await endAtStripe(services, found.user_id)
  return services.database.asSystem(why, async (tx) => {
    await lockSubscription(tx, found.user_id)
    const request = await getOpenRequest(tx, id)
    const assignment = await toAssignment(tx, request, terms)
    const { user_id: userId, keep } = request
    await decideRequest(tx, id, { status: 'accepted', answer, adminId })
    await assign(tx, { adminId, userId, assignment, keep, detail: { plan_request_id: id } })
    await recordAudit(tx, {
      actor: adminId,
      action: 'plan_request.accept',
      target: { type: 'plan_request', id },
      detail: { user_id: userId, plan_id: request.plan_id },
    })
    return getRequestForAdmin(tx, id)
  })
}

type OpenRequest = Awaited<ReturnType<typeof getOpenRequest>>

async function toAssignment(
  tx: Tx,
  { plan_id, billing_interval }: OpenRequest,
  terms: Omit<Acceptance, 'answer'>,
): Promise<Omit<Assignment, 'reason'>> {
  const plan: PlanRow | null = await findPlan(tx, plan_id)
  // What is paid for a plan by arrangement is said now; by the month where nothing else was asked for.
  const interval = billing_interval ?? (plan?.is_by_arrangement && terms.price !== undefined ? 'month' : null)
  return { plan_id, source: 'manual', billing_interval: interval, ...terms }
}

export function refusePlanRequest({ database }: Needed, adminId: string, id: string, answer: string) {
  return database.asSystem('an admin answers a request for a plan', async (tx) => {
    const request = await getOpenRequest(tx, id)
    await decideRequest(tx, id, { status: 'refused', answer, adminId })
    await recordAudit(tx, {
      actor: adminId,
      action: 'plan_request.refuse',
      target: { type: 'plan_request', id },
      detail: { user_id: request.user_id, plan_id: request.plan_id },
    })
    return getRequestForAdmin(tx, id)
  })
}
