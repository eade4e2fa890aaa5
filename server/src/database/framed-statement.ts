import pg from 'pg'

/** A value of a statement in a form that the wire takes. */
export type StatementValue = string | number | Date | Buffer | null

export interface Statement {
  /** Unique for its text: PostgreSQL plans it once a connection. */
  name: string
  text: string
  values: StatementValue[]
}

/** The messages of the extended query protocol, which @types/pg leaves out of the connection. */
interface Wire {
  stream: { cork(): void; uncork(): void }
  close(message: { type: 'S'; name: string }): void
  parse(message: { name: string; text: string }): void
  bind(message: { statement: string; values: StatementValue[]; valueMapper: typeof toWireValue }): void
  describe(message: { type: 'P'; name: string }): void
  execute(message: object): void
  sync(): void
}

type Columns = { name: string; parse: (text: string) => unknown }[]

/** The statements that are prepared on a connection, with the columns of their rows. */
const preparedOn = new WeakMap<Wire, Map<string, Columns>>()

/**
 * Two statements that PostgreSQL runs as one transaction, because one Sync ends both
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): `frame` sets role and claims for
 * this transaction alone, then comes the statement itself. One message there and one back: BEGIN, SET and COMMIT around
 * it would cost more than the statement. When the frame fails, PostgreSQL skips the statement.
 */
class FramedStatement<Row> implements pg.Submittable {
  readonly #frame: Statement
  readonly #statement: Statement
  readonly #usePrepared: boolean
  readonly #rows: Row[] = []
  #prepared: Map<string, Columns> = new Map()
  #columns: Columns = []
  #completed = 0
  /** pg calls one of `handleError` and `handleReadyForQuery`, and only looks whether this is there. */
  readonly callback: (error: unknown, rows: Row[]) => void

  constructor(
    frame: Statement,
    statement: Statement,
    usePrepared: boolean,
    callback: (error: unknown, rows: Row[]) => void,
  ) {
    this.#frame = frame
    this.#statement = statement
    this.#usePrepared = usePrepared
    this.callback = callback
  }

  submit(connection: pg.Connection): void {
    // The cast is sound: pg's own statements send themselves with these methods.
    const wire = connection as unknown as Wire
    this.#prepared = preparedOn.get(wire) ?? new Map()
    preparedOn.set(wire, this.#prepared)
    this.#columns = this.#prepared.get(this.#statement.name) ?? []
    // Corked, so that all of it leaves in one packet.
    wire.stream.cork()
    try {
      this.#send(wire, this.#frame)
      this.#send(wire, this.#statement)
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
  }

  #send(wire: Wire, { name, text, values }: Statement): void {
    const isPrepared = this.#usePrepared && this.#prepared.has(name)
    const sentName = this.#usePrepared ? name : ''
    if (!isPrepared) {
      // An earlier attempt may have failed after this one was prepared. Closing what is not there is no error.
      if (this.#usePrepared) wire.close({ type: 'S', name })
      wire.parse({ name: sentName, text })
    }
    wire.bind({ statement: sentName, values, valueMapper: toWireValue })
    if (!isPrepared && text === this.#statement.text) wire.describe({ type: 'P', name: '' })
    wire.execute({})
  }

  handleRowDescription({ fields }: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, parse: pg.types.getTypeParser(dataTypeID, 'text') }))
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    // The row of the frame tells nothing.
    if (this.#completed === 0) return
    const row: Record<string, unknown> = {}
    for (const [index, { name, parse }] of this.#columns.entries()) {
      const text = fields[index]
      row[name] = text === null || text === undefined ? null : parse(text)
    }
    this.#rows.push(row as Row)
  }

  handleCommandComplete(): void {
    this.#completed++
  }

  handleError(error: unknown): void {
    this.callback(error, [])
  }

  handleReadyForQuery(): void {
    if (this.#usePrepared) {
      this.#prepared.set(this.#frame.name, [])
      this.#prepared.set(this.#statement.name, this.#columns)
    }
    this.callback(null, this.#rows)
  }
}

// On a pipelined connection pg takes only its own kind of query, because others leave a portal open; this one does not.
// The kind alone: its constructor would make an event emitter and a result that nobody reads.
Object.setPrototypeOf(FramedStatement.prototype, pg.Query.prototype)

function toWireValue(value: StatementValue): string | Buffer | null {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'number' ? String(value) : value
}

/** Rejects with what PostgreSQL or the connection reports; the transaction is then rolled back already. */
export function queryFramed<Row>(
  client: pg.ClientBase,
  frame: Statement,
  statement: Statement,
  options: { usePreparedStatements: boolean },
): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const query = new FramedStatement<Row>(frame, statement, options.usePreparedStatements, (error, rows) =>
      error ? reject(error) : resolve(rows),
    )
    client.query(query)
  })
}
