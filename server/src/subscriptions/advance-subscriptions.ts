import { sql } from 'kysely'
import type { Database, Tx } from '../database/database.ts'
import { applySubscription, type SubscriptionChange } from './apply-subscription.ts'
import { findCurrentSubscription, type SubscriptionRow, tryLockSubscription } from './subscription-queries.ts'
import { isLiving } from './transitions.ts'

const reason = 'subscriptions go on or end with their time, whoever they belong to'
const usersPerRound = 200

/**
 * Does what the clock asks for: periods that are over begin anew, change to the next plan or end; so do trials, what was
 * given for a time, and grace. What is paid by Stripe only runs out of grace here; the rest Stripe says. A transaction
 * each, on any number of servers at once: whom one of them has locked, another leaves alone. Answers how many it changed.
 */
export async function advanceSubscriptions(database: Database, now: Date = new Date()): Promise<number> {
  let changed = 0
  let failure: unknown = null
  let after = firstPlace
  for (;;) {
    const from = after
    const due = await database.asSystem(reason, (tx) => listDue(tx, now, from))
    for (const place of due) {
      after = place
      try {
        if (await database.asSystem(reason, (tx) => advance(tx, place.user_id, now))) changed += 1
      } catch (error) {
        // One that fails does not keep the others from their time.
        failure ??= error
      }
    }
    if (due.length < usersPerRound) break
  }
  if (failure !== null) throw failure
  return changed
}

async function advance(tx: Tx, userId: string, now: Date): Promise<boolean> {
  if (!(await tryLockSubscription(tx, userId))) return false
  const row = await findCurrentSubscription(tx, userId)
  const change = row && findDueChange(row, now)
  if (!change) return false
  await applySubscription(tx, { userId, change, cause: 'server', actor: null, now })
  return true
}

/** What the clock asks of a subscription; null: nothing yet. */
export function findDueChange(row: SubscriptionRow, now: Date): SubscriptionChange | null {
  const isOver = (moment: Date | null) => moment !== null && moment <= now
  if (!isLiving(row.status)) return null
  if (row.status === 'past_due' && (row.grace_until === null || isOver(row.grace_until)))
    return { kind: 'end', status: 'expired' }
  if (row.source === 'stripe') return null
  const isTrialOver = row.status === 'trialing' && isOver(row.trial_end)
  const isEnd = isTrialOver || isOver(row.end_date)
  if (!isEnd && !isOver(row.period_end)) return null
  if (row.next_plan_id !== null) return { kind: 'take_next_plan' }
  if (row.cancel_at_period_end) return { kind: 'end', status: 'canceled' }
  return isEnd ? { kind: 'end', status: 'expired' } : { kind: 'renew' }
}

/** When the clock asks something, as the index `subscriptions__due` has it: written alike, or all of them would be looked at. */
const dueAt = sql<Date>`least(
  case when status = 'past_due' then coalesce(grace_until, '-infinity') end,
  case when source <> 'stripe' then least(end_date, period_end, case when status = 'trialing' then trial_end end) end)`

/** Place in the order of the index; the moment as text, because it may be `-infinity`. */
interface DuePlace {
  user_id: string
  due_at: string
}

const firstPlace: DuePlace = { user_id: '00000000-0000-0000-0000-000000000000', due_at: '-infinity' }

async function listDue(tx: Tx, now: Date, after: DuePlace): Promise<DuePlace[]> {
  // Without values for what the partial index has: only so does PostgreSQL see in every plan that it may take it.
  const { rows } = await sql<DuePlace>`
    select user_id, ${dueAt}::text as due_at from subscriptions
    where is_current and status in ('trialing', 'active', 'past_due') and ${dueAt} <= ${now}::timestamptz
      and (${dueAt}, user_id) > (${after.due_at}::timestamptz, ${after.user_id}::uuid)
    order by ${dueAt}, user_id limit ${sql.lit(usersPerRound)}`.execute(tx)
  return rows
}
