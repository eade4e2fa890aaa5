import type { FastifyReply } from 'fastify'
import type { Claims, Database } from '../database/database.ts'
import { readStanding } from './read-standing.ts'
import { allowanceOf, type RunAllowance, toRateLimitHeaders } from './run-limit.ts'

/** Puts the runs of the month into the headers of an answer, which must not have begun. */
export function showRunLimit(reply: FastifyReply, { month }: RunAllowance): void {
  if (month) reply.headers(toRateLimitHeaders(month))
}

/** The same for the answer of a run that took nothing now, because it ran before. */
export async function showPresentRunLimit(database: Database, claims: Claims, reply: FastifyReply): Promise<void> {
  showRunLimit(reply, allowanceOf(await database.withUser(claims, (tx) => readStanding(tx, claims.sub))))
}
