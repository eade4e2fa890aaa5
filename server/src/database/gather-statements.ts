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
  /** On the clock of `performance.now()`. */
  waitsUntil: number
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
/** At the same time, of those that go by themselves: one that hangs lets the others go, and takes no more than this from the pool. */
const lanes = 2

/**
 * Statements of one user wait while another of the same user is under way, and then leave together, in one transaction: runs
 * of one user change the same row of what is counted for limits, so on connections of their own they would wait there one
 * for the other, and with their connections everybody else. Whoever comes alone does not wait.
 *
 * What fails takes nobody with it: the transaction is rolled back as a whole, and each of its statements sent by itself, in
 * their order and before those that came later.
 */
export function gatherStatements(send: Send): (claims: Claims, statement: Statement) => Promise<unknown[]> {
  const turnsOf = new Map<string, Turns>()

  async function sendTogether(claims: Claims, turns: Turns, together: Waiting[]): Promise<void> {
    for (const { timer } of together) clearTimeout(timer)
    const statements = together.map(({ statement }) => statement)
    const sent = await send(claims, statements).catch((error: unknown): Sent => ({ error, isLost: true }))
    if ('rows' in sent) {
      for (const [at, { resolve }] of together.entries()) resolve(sent.rows[at] ?? [])
      return
    }
    if (sent.isLost || together.length === 1) {
      for (const { reject } of together) reject(sent.error)
      return
    }
    turns.aloneUntil = performance.now() + aloneAfterFailureMs
    turns.waiting.unshift(...together)
    for (const one of together) startTimer(turns, one)
  }

  async function sendAll(key: string, claims: Claims, turns: Turns): Promise<void> {
    const { waiting } = turns
    const isAlone = () => performance.now() < turns.aloneUntil
    const sendEach = async () => {
      while (waiting.length > 0 && isAlone()) await sendTogether(claims, turns, waiting.splice(0, 1))
    }
    while (waiting.length > 0) {
      if (isAlone()) await Promise.all(Array.from({ length: lanes }, sendEach))
      else await sendTogether(claims, turns, waiting.splice(0, mostTogether))
    }
    // In the same moment in which nobody waits: whoever comes a turn later would wait for ever.
    turnsOf.delete(key)
  }

  return (claims, statement) =>
    new Promise((resolve, reject) => {
      const key = `${claims.user_role} ${claims.sub}`
      const one: Waiting = { statement, waitsUntil: performance.now() + longestWaitMs, resolve, reject }
      const turns = turnsOf.get(key)
      if (!turns) {
        const begun = { waiting: [one], aloneUntil: 0 }
        turnsOf.set(key, begun)
        void sendAll(key, claims, begun)
        return
      }
      turns.waiting.push(one)
      startTimer(turns, one)
    })
}

function startTimer({ waiting }: Turns, one: Waiting): void {
  one.timer = setTimeout(() => {
    waiting.splice(waiting.indexOf(one), 1)
    one.reject(queueIsFull())
  }, one.waitsUntil - performance.now())
}
