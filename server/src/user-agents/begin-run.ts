import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { findEndedRun } from '../agent-logs/run-log-queries.ts'
import type { Claims } from '../database/database.ts'
import { createIdWithTime, readIdTime } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { type EndedRun, type RunInput, type RunServices, runAgent } from '../runtime/run-agent.ts'
import { claimIdempotencyKey } from './idempotency-queries.ts'

type EndedRow = NonNullable<Awaited<ReturnType<typeof findEndedRun>>>

/** `replayed`: an earlier request with the same Idempotency-Key had run it. */
export type RunResult = { kind: 'ran'; run: EndedRun } | { kind: 'replayed'; row: EndedRow }

export type RunOrder = Omit<RunInput, 'id' | 'timestamp'>

/** Runs once for each Idempotency-Key, however often and from however many nodes it is sent; without a key, always. */
export async function beginRun(
  services: RunServices,
  claims: Claims,
  order: RunOrder,
  idempotencyKey: string | undefined,
): Promise<RunResult> {
  const fresh = createIdWithTime()
  if (idempotencyKey === undefined)
    return { kind: 'ran', run: await runAgent(services, claims, { ...order, ...fresh }) }

  const claimed = await claimIdempotencyKey(
    services.database,
    claims,
    { key: idempotencyKey, requestHash: hashOrder(order) },
    fresh,
  )
  if (!claimed.is_same_request) throw new AppError('idempotency_key_reused')
  const isNew = claimed.log_id === fresh.id
  return runOnce(services, claims, order, { id: claimed.log_id, isNew })
}

/**
 * The key fixes the id, and the id is the row's primary key: of any number of attempts one inserts it, also when the
 * first died between claiming the key and running. The others wait for its end; an attempt that could not begin (the
 * agent is off, the server full) leaves no row, and the next one tries for itself.
 */
async function runOnce(
  services: RunServices,
  claims: Claims,
  order: RunOrder,
  { id, isNew }: { id: string; isNew: boolean },
): Promise<RunResult> {
  let mayExist = !isNew
  const deadline = performance.now() + services.config.runs.timeoutMs + 10_000
  for (let waitMs = 20; performance.now() < deadline; waitMs = Math.min(500, waitMs * 2)) {
    const row = mayExist ? await services.database.withUser(claims, (tx) => findEndedRun(tx, id)) : null
    if (row && row.status !== 'running') return { kind: 'replayed', row }
    if (!row && !services.activeRuns.has(id)) {
      try {
        return { kind: 'ran', run: await runAgent(services, claims, { ...order, id, timestamp: readIdTime(id) }) }
      } catch (error) {
        // Another server was faster: its row, or what it took from the limit, was in the way.
        const isTaken = error instanceof pg.DatabaseError && error.code === '23505'
        if (!isTaken && !(isRefusal(error) && (await hasBegun(services, claims, id)))) throw error
      }
    }
    mayExist = true
    if (order.callerSignal?.aborted) throw new AppError('cancelled')
    await sleep(waitMs)
  }
  throw new AppError('idempotency_in_progress', { retryAfterSeconds: 5 })
}

const refusals: ReadonlySet<string> = new Set(['plan_limit_reached', 'cost_cap_reached', 'subscription_lapsed'])
const isRefusal = (error: unknown) => error instanceof AppError && refusals.has(error.code)

async function hasBegun({ database }: RunServices, claims: Claims, id: string): Promise<boolean> {
  return (await database.withUser(claims, (tx) => findEndedRun(tx, id))) !== null
}

function hashOrder({ userAgentId, conversationId, input, history, extraInstructions }: RunOrder): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([userAgentId, conversationId, input, history ?? null, extraInstructions ?? null]))
    .digest()
}
