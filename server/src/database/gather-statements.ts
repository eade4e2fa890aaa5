import type { Claims } from './database.ts'
import type { Statement } from './framed-statement.ts'

/** How a transaction of several statements ended: with the rows of each, or for all of them with the same error. */
export type Sent =
  | { rows: unknown[][] }
  | { error: unknown /** Whether it was committed is not known. */; isLost: boolean }

type Send = (claims: Claims, statements: Statement[]) => Promise<Sent>

interface Waiting {
  statement: Statement
  resolve(rows: unknown[]): void
  reject(error: unknown): void
}

// A longer transaction would keep the same user's runs on other servers waiting for the rows it has locked.
const mostTogether = 16
// While one is being committed the next can begin; a third would only wait for the second.
const transactionsAtOnce = 2
// PostgreSQL answers when all are done, and is taken for dead after ten seconds: what is slow goes by itself.
const slowMs = 1000

interface Turns {
  waiting: Waiting[]
  transactions: number
}

/**
 * Statements of one user wait while two transactions of the same user are under way, and then leave together, in one: runs
 * of one user change the same row of what is counted for limits, so on connections of their own they would wait there one
 * for the other, and with their connections everybody else. Whoever comes alone does not wait.
 *
 * What fails takes nobody with it: the transaction is rolled back as a whole, and each of its statements sent by itself.
 */
export function gatherStatements(send: Send): (claims: Claims, statement: Statement) => Promise<unknown[]> {
  const turnsOf = new Map<string, Turns>()

  /** Answers whether the connection was lost. */
  async function sendTogether(claims: Claims, together: Waiting[]): Promise<boolean> {
    const sent = await send(
      claims,
      together.map(({ statement }) => statement),
    )
    if ('rows' in sent) {
      for (const [at, { resolve }] of together.entries()) resolve(sent.rows[at] ?? [])
      return false
    }
    if (sent.isLost || together.length === 1) {
      for (const { reject } of together) reject(sent.error)
      return sent.isLost
    }
    for (const one of together) await sendTogether(claims, [one])
    return false
  }

  async function sendAll(key: string, claims: Claims, turns: Turns): Promise<void> {
    const { waiting } = turns
    let most = mostTogether
    turns.transactions++
    while (waiting.length > 0) {
      const startedAt = performance.now()
      const isLost = await sendTogether(claims, waiting.splice(0, most))
      most = performance.now() - startedAt > slowMs ? 1 : mostTogether
      if (!isLost) continue
      // A database that is silent lets each try wait for seconds: then nobody waits for another's.
      const rest = []
      while (waiting.length > 0) rest.push(sendTogether(claims, waiting.splice(0, mostTogether)))
      await Promise.all(rest)
    }
    // In the same moment in which nobody waits: whoever comes a turn later would wait for ever.
    turns.transactions--
    if (turns.transactions === 0) turnsOf.delete(key)
  }

  return (claims, statement) =>
    new Promise((resolve, reject) => {
      const key = `${claims.user_role} ${claims.sub}`
      const turns = turnsOf.get(key) ?? { waiting: [], transactions: 0 }
      turnsOf.set(key, turns)
      turns.waiting.push({ statement, resolve, reject })
      if (turns.transactions < transactionsAtOnce) void sendAll(key, claims, turns)
    })
}
