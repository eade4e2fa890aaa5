import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import pg from 'pg'
import { isConnectionLost } from './database-errors.ts'
import { isDeadlock } from './deadlocks.ts'

const statementNames = new Map<string, string>()
// Few in shape is the rule; past this bound a text is sent unprepared rather than filling the server's memory.
const maxStatementNames = 500

function nameStatement(text: string): string | undefined {
  const known = statementNames.get(text)
  if (known) return known
  if (statementNames.size >= maxStatementNames) return undefined
  const name = `ax_${statementNames.size}`
  statementNames.set(text, name)
  return name
}

/** What PostgreSQL needs to say that a statement was cut off. */
const graceMs = 1500

export interface TransactionOptions {
  usePreparedStatements: boolean
  /** When it is not the one that the server's role has: how long silence may last follows it. */
  statementTimeoutMs?: number | undefined
  /** Called after each statement: with the SQLSTATE when PostgreSQL refused it or cut it off. */
  onEnd(text: string, durationMs: number, error?: string): void
}

/** Kysely's view of one transaction; refuses statements that come after its end, which would run as somebody else. */
export class TransactionConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #options: TransactionOptions
  #isOpen = true
  /** The first error that says that the connection is of no more use; null as long as it is. */
  lostBy: unknown = null
  /** That PostgreSQL ended one at the cost of this transaction. */
  deadlock: unknown = null

  constructor(client: pg.PoolClient, options: TransactionOptions) {
    this.#client = client
    this.#options = options
  }

  close(): void {
    this.#isOpen = false
  }

  /** Of the transaction itself: BEGIN, COMMIT, ROLLBACK. */
  async run(text: string): Promise<pg.QueryResult> {
    return this.#watch(this.#client.query(text))
  }

  async #watch(answer: Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    try {
      return await answer
    } catch (error) {
      if (isConnectionLost(error)) this.lostBy ??= error
      if (isDeadlock(error)) this.deadlock ??= error
      throw error
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (!this.#isOpen) throw new Error('This transaction has ended; every statement in it must be awaited.')
    const { usePreparedStatements, onEnd, statementTimeoutMs } = this.#options
    const startedAt = performance.now()
    const result = await this.#watch(
      this.#client.query({
        name: usePreparedStatements ? nameStatement(query.sql) : undefined,
        text: query.sql,
        values: [...query.parameters],
        // Undefined: what the pool says.
        query_timeout: statementTimeoutMs && statementTimeoutMs + graceMs,
      } as pg.QueryConfig),
    ).catch((error: unknown) => {
      const code = error instanceof pg.DatabaseError ? error.code : undefined
      onEnd(query.sql, performance.now() - startedAt, code)
      throw error
    })
    onEnd(query.sql, performance.now() - startedAt)
    return {
      rows: result.rows as R[],
      numAffectedRows: result.rowCount === null ? undefined : BigInt(result.rowCount),
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface wants a generator; long results are read page by page instead.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Read long results in keyset pages.')
  }
}

export class TransactionDriver implements Driver {
  readonly #connection: TransactionConnection

  constructor(connection: TransactionConnection) {
    this.#connection = connection
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    throw new Error('This is already a transaction.')
  }
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
}
