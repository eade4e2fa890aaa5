import type { Claims } from './database.ts'
import { queueIsFull } from './database-errors.ts'
import type { Statement } from './framed-statement.ts'

/** How a transaction of several statements ended: with the rows of each, or for all of them with the same error. */
export type Sent =
  | { rows: unknown[][] }
  | { error: unknown /** Whether it was committed is not known. */; isLost: boolean }

/** May reject: then nothing is known either. */
type Send = (claims: Claims, statements: Statement[]) => Promise<Sent>

interface Waiting {
  statement: Statement
  resolve(rows: unknown[]): void
  reject(error: unknown): void
  timer?: NodeJS.Timeout
}

interface Turns {
  waiting: Waiting[]
  /** On the clock of `performance.now()`: until then each goes by itself. */
  aloneUntil: number
}

// A longer transaction would keep the same user's runs on other servers waiting for the rows it has locked.
const mostTogether = 8
/** As for a connection of the pool, which it would have to wait for otherwise. */
const longestWaitMs = 5000
const aloneAfterFailureMs = 5000

/**
 * Statements of one user wait while another of the same user is under way, and then leave together, in one transaction: runs
 * of one user change the same row of what is counted for limits, so on connections of their own they would wait there one
 * for the other, and with their connections everybody else. Whoever comes alone does not wait.
 *
 * What fails takes nobody with it: the transaction is rolled back as a whole, and each of its statements sent by itself.
 */
export function gatherStatements(send: Send): (claims: Claims, statement: Statement) => Promise<unknown[]> {
  const turnsOf = new Map<string, Turns>()

  /** Answers whether each had its own answer. */
  async function sendTogether(claims: Claims, together: Waiting[]): Promise<boolean> {
    const statements = together.map(({ statement }) => statement)
    const sent = await send(claims, statements).catch((error: unknown): Sent => ({ error, isLost: true }))
    if ('rows' in sent) {
      for (const [at, { resolve }] of together.entries()) resolve(sent.rows[at] ?? [])
      return true
    }
    if (sent.isLost || together.length === 1) {
      for (const { reject } of together) reject(sent.error)
      return true
    }
    await Promise.all(together.map((one) => sendTogether(claims, [one])))
    return false
  }

  async function sendAll(key: string, claims: Claims, turns: Turns): Promise<void> {
    const { waiting } = turns
    while (waiting.length > 0) {
      const together = waiting.splice(0, performance.now() < turns.aloneUntil ? 1 : mostTogether)
      for (const { timer } of together) clearTimeout(timer)
      if (!(await sendTogether(claims, together))) turns.aloneUntil = performance.now() + aloneAfterFailureMs
    }
    // In the same moment in which nobody waits: whoever comes a turn later would wait for ever.
    turnsOf.delete(key)
  }

  return (claims, statement) =>
    new Promise((resolve, reject) => {
      const key = `${claims.user_role} ${claims.sub}`
      const one: Waiting = { statement, resolve, reject }
      const turns = turnsOf.get(key)
      if (!turns) {
        const begun = { waiting: [one], aloneUntil: 0 }
        turnsOf.set(key, begun)
        void sendAll(key, claims, begun)
        return
      }
      const { waiting } = turns
      waiting.push(one)
      one.timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(one), 1)
        reject(queueIsFull())
      }, longestWaitMs)
    })
}
