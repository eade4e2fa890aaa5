import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import type pg from 'pg'

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

/** Kysely's view of one transaction; refuses statements that come after its end, which would run as somebody else. */
export class TransactionConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #usePreparedStatements: boolean
  #isOpen = true

  constructor(client: pg.PoolClient, usePreparedStatements: boolean) {
    this.#client = client
    this.#usePreparedStatements = usePreparedStatements
  }

  close(): void {
    this.#isOpen = false
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (!this.#isOpen) throw new Error('This transaction has ended; every statement in it must be awaited.')
    const result = await this.#client.query({
      name: this.#usePreparedStatements ? nameStatement(query.sql) : undefined,
      text: query.sql,
      values: [...query.parameters],
    })
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
