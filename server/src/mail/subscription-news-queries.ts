import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { isMailDue, lockMailTurns, maxMailAttempts } from './mail-turns.ts'

/** What happened to somebody's plan that they may not have seen in the app. */
export interface SubscriptionNews {
  kind: 'payment-failed' | 'ended' | 'request-accepted' | 'request-refused'
  id: string
  attempts: number
  user_id: string
  email: string
  first_name: string | null
  plan: string
  /** After a failed payment: until when runs go on. */
  grace_until: Date | null
  /** What the admin wrote to a request. */
  answer: string | null
}

/** Takes the next one as if it were sent already; null when there is none. What has changed again since is not told. */
export async function takeSubscriptionNews(tx: Tx, now: Date): Promise<SubscriptionNews | null> {
  await lockMailTurns(tx)
  return (await takeEvent(tx, now)) ?? (await takeRequest(tx, now))
}

async function takeEvent(tx: Tx, now: Date): Promise<SubscriptionNews | null> {
  const { rows } = await sql<SubscriptionNews>`
    with due as (
      select e.id, u.email, u.first_name, p.name as plan, s.grace_until,
        case e.type when 'payment_failed' then 'payment-failed' else 'ended' end as kind
      from subscription_events e join subscriptions s on s.id = e.subscription_id
      join users u on u.id = e.user_id join plans p on p.id = s.plan_id
      where e.emailed_at is null and ${isMailDue(sql.ref('e.created_at'), sql.ref('e.email_attempts'), now)}
        and s.is_current and u.suspended_at is null
        and ((e.type = 'payment_failed' and s.status = 'past_due')
          or (e.type in ('canceled', 'expired') and s.status = e.type))
      order by e.created_at limit 1
    )
    update subscription_events e set emailed_at = ${now}::timestamptz, email_attempts = e.email_attempts + 1
    from due where e.id = due.id
    returning due.kind, e.id, e.email_attempts as attempts, e.user_id, due.email, due.first_name, due.plan,
      due.grace_until, null as answer`.execute(tx)
  return rows[0] ?? null
}

async function takeRequest(tx: Tx, now: Date): Promise<SubscriptionNews | null> {
  const { rows } = await sql<SubscriptionNews>`
    with due as (
      select r.id, u.email, u.first_name, p.name as plan
      from plan_requests r join users u on u.id = r.user_id join plans p on p.id = r.plan_id
      where r.emailed_at is null and r.status in ('accepted', 'refused') and u.suspended_at is null
        and ${isMailDue(sql.ref('r.decided_at'), sql.ref('r.email_attempts'), now)}
      order by r.decided_at limit 1
    )
    update plan_requests r set emailed_at = ${now}::timestamptz, email_attempts = r.email_attempts + 1
    from due where r.id = due.id
    returning 'request-' || r.status as kind, r.id, r.email_attempts as attempts, r.user_id, due.email, due.first_name,
      due.plan, null as grace_until, r.answer`.execute(tx)
  return rows[0] ?? null
}

/** Surely not sent: later again, or never where another try would end the same way. */
export async function giveNewsBack(
  tx: Tx,
  { kind, id, attempts }: SubscriptionNews,
  { isFinal }: { isFinal: boolean },
): Promise<void> {
  await tx
    .updateTable(kind === 'payment-failed' || kind === 'ended' ? 'subscription_events' : 'plan_requests')
    .set({ emailed_at: null, ...(isFinal && { email_attempts: maxMailAttempts }) })
    .where('id', '=', id)
    .where('email_attempts', '=', attempts)
    .execute()
}
