import {
  type DueEvent,
  deleteOldEvents,
  extendLease,
  noteEvent,
  noteFailure,
  noteHandled,
  takeDueEvents,
} from './event-queries.ts'
import { reconcileStripe } from './reconcile-stripe.ts'
import { refreshByCustomer } from './refresh-customer.ts'
import type { StripeContext } from './stripe-context.ts'
import { syncPlans } from './sync-plans.ts'

/** Longer than one event may take: four questions to Stripe with their repetitions. */
export const leaseSeconds = 300
/** A whole night's work, for as many customers as there may be. */
const reconcileLeaseSeconds = 6 * 3600
const pollMs = 5000
const lookForNightMs = 600_000
const batchSize = 10
const keepMs = 90 * 86_400_000
const deletedAtOnce = 1000
/** After that many days nobody waits any more; the nightly comparison puts right what is left. */
const maxAttempts = 20
const reason = 'events of Stripe are handled, whoever they are about'
/** Ours, in the same ledger: one server a day does it, and it is tried again like everything else. */
export const reconcileType = 'agentexpress.reconcile'

export interface StripeWorker {
  stop(): Promise<void>
}

/** On every server: what is due is handled by one of them. Begins by bringing all plans to Stripe. */
export function startStripeWorker(context: StripeContext, everyMs = pollMs): StripeWorker {
  const stopping = new AbortController()
  let working: Promise<void> | null = null
  const work = (more: () => Promise<unknown>) => {
    working ??= more()
      .then(() => asJob(context, 'handling events of Stripe', () => workThroughEvents(context, stopping.signal)))
      .catch((err: unknown) => context.log.warn({ err }, 'events of Stripe were not handled; it is tried again'))
      .finally(() => {
        working = null
      })
  }
  const timers = [
    setInterval(() => work(async () => {}), everyMs),
    setInterval(() => work(() => noteNight(context, new Date())), lookForNightMs),
  ]
  work(async () => {
    // The nightly work begins with the plans too.
    if (!(await noteNight(context, new Date()))) await syncPlans(context)
  })
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      stopping.abort()
      await working
    },
  }
}

function asJob<T>(context: StripeContext, name: string, work: () => Promise<T>): Promise<T> {
  return context.jobs ? context.jobs.run(name, work) : work()
}

/** Until nothing is due any more. */
export async function workThroughEvents(context: StripeContext, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (signal.aborted) return
    const due = await context.database.asSystem(reason, (tx) => takeDueEvents(tx, { limit: batchSize, leaseSeconds }))
    if (due.length === 0) return
    for (const event of due) await workOnEvent(context, event, signal)
  }
}

/** Never throws: what fails is noted and comes again later. */
export async function workOnEvent(context: StripeContext, event: DueEvent, signal?: AbortSignal): Promise<void> {
  const { database, log } = context
  try {
    if (event.type === reconcileType) {
      await database.asSystem(reason, (tx) => extendLease(tx, event, reconcileLeaseSeconds))
      await asJob(context, 'comparing with Stripe', () => reconcileStripe(context, signal))
    } else if (event.customer_id !== null) await refreshByCustomer(context, event.customer_id)
    // The lease ends by itself, and another server goes on.
    if (signal?.aborted && event.type === reconcileType) return
    await database.asSystem(reason, (tx) => noteHandled(tx, event.id))
  } catch (error) {
    const isGivenUp = event.attempts >= maxAttempts
    const failure = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    log[isGivenUp ? 'error' : 'warn'](
      { err: error, event: event.id, type: event.type },
      'an event of Stripe was not handled',
    )
    await database
      .asSystem(reason, (tx) =>
        noteFailure(tx, event, { failure, nextInSeconds: isGivenUp ? null : waitAfter(event.attempts) }),
      )
      // The database is away: the lease ends by itself.
      .catch(() => {})
  }
}

/** 10 seconds, twice as long each time, at most 6 hours; a fifth longer at random, so that not all come back at once. */
export function waitAfter(attempts: number, random = Math.random()): number {
  return Math.min(10 * 2 ** (attempts - 1), 6 * 3600) * (1 + random / 5)
}

/** Once a UTC day, by whichever server comes first, which also forgets what is older than 90 days. False: it was another one. */
export async function noteNight({ database }: StripeContext, now: Date): Promise<boolean> {
  const day = now.toISOString().slice(0, 10)
  const event = { id: `reconcile_${day}`, type: reconcileType, object_id: day, customer_id: null, created_at: now }
  const isOurs = await database.asSystem(reason, (tx) => noteEvent(tx, event, 0))
  if (!isOurs) return false
  const before = new Date(now.getTime() - keepMs)
  for (let deleted = deletedAtOnce; deleted === deletedAtOnce; )
    deleted = await database.asSystem(reason, (tx) => deleteOldEvents(tx, before, deletedAtOnce))
  return true
}
