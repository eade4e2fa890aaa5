import pg from 'pg'

/** A value of a statement in a form that the wire takes. */
export type StatementValue = string | number | Date | Buffer | null

export interface Statement {
  /** Unique for its text: PostgreSQL plans it once a connection. */
  name: string
  text: string
  values: StatementValue[]
  /** Sent ahead of it in the same transaction; what it answers is left out. */
  before?: Statement
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
 * Statements that PostgreSQL runs as one transaction, because one Sync ends them all
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): `frame` sets role and claims for
 * this transaction alone, then come the statements themselves. One message there and one back: BEGIN, SET and COMMIT around
 * one would cost more than the statement. When one fails, PostgreSQL skips the rest and takes all back.
 */
class FramedStatements<Row> implements pg.Submittable {
  readonly #all: readonly Statement[]
  readonly #usePrepared: boolean
  /** Of each statement, the frame first. */
  readonly #rows: Row[][]
  #prepared: Map<string, Columns> = new Map()
  readonly #columns = new Map<string, Columns>()
  #completed = 0
  /** pg calls one of `handleError` and `handleReadyForQuery`, and only looks whether this is there. */
  readonly callback: (error: unknown, rows: Row[][]) => void

  constructor(all: readonly Statement[], usePrepared: boolean, callback: (error: unknown, rows: Row[][]) => void) {
    this.#all = all
    this.#rows = all.map(() => [])
    this.#usePrepared = usePrepared
    this.callback = callback
  }

  submit(connection: pg.Connection): void {
    // The cast is sound: pg's own statements send themselves with these methods.
    const wire = connection as unknown as Wire
    this.#prepared = preparedOn.get(wire) ?? new Map()
    preparedOn.set(wire, this.#prepared)
    // Corked, so that all of it leaves in one packet.
    wire.stream.cork()
    try {
      for (const statement of this.#all) this.#send(wire, statement)
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
  }

  #send(wire: Wire, { name, text, values }: Statement): void {
    const known = this.#columns.get(name) ?? this.#prepared.get(name)
    const isPrepared = this.#usePrepared && known !== undefined
    const sentName = this.#usePrepared ? name : ''
    if (!isPrepared) {
      // An earlier attempt may have failed after this one was prepared. Closing what is not there is no error.
      if (this.#usePrepared) wire.close({ type: 'S', name })
      wire.parse({ name: sentName, text })
    }
    this.#columns.set(name, known ?? [])
    wire.bind({ statement: sentName, values, valueMapper: toWireValue })
    if (!isPrepared) wire.describe({ type: 'P', name: '' })
    wire.execute({})
  }

  handleRowDescription({ fields }: { fields: { name: string; dataTypeID: number }[] }): void {
    const { name } = this.#all[this.#completed] ?? {}
    if (name === undefined) return
    this.#columns.set(
      name,
      fields.map((field) => ({ name: field.name, parse: pg.types.getTypeParser(field.dataTypeID, 'text') })),
    )
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    // The row of the frame tells nothing.
    if (this.#completed === 0) return
    const { name = '' } = this.#all[this.#completed] ?? {}
    const row: Record<string, unknown> = {}
    for (const [index, column] of (this.#columns.get(name) ?? []).entries()) {
      const text = fields[index]
      row[column.name] = text === null || text === undefined ? null : column.parse(text)
    }
    this.#rows[this.#completed]?.push(row as Row)
  }

  handleCommandComplete(): void {
    this.#completed++
  }

  handleError(error: unknown): void {
    this.callback(error, [])
  }

  handleReadyForQuery(): void {
    if (this.#usePrepared) for (const [name, columns] of this.#columns) this.#prepared.set(name, columns)
    this.callback(null, this.#rows.slice(1))
  }
}

// On a pipelined connection pg takes only its own kind of query, because others leave a portal open; this one does not.
// The kind alone: its constructor would make an event emitter and a result that nobody reads.
Object.setPrototypeOf(FramedStatements.prototype, pg.Query.prototype)

function toWireValue(value: StatementValue): string | Buffer | null {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'number' ? String(value) : value
}

/** The rows of each statement. Rejects with what PostgreSQL or the connection reports; the transaction is then rolled back already. */
export function queryFramed<Row>(
  client: pg.ClientBase,
  frame: Statement,
  statements: readonly Statement[],
  options: { usePreparedStatements: boolean },
): Promise<Row[][]> {
  return new Promise((resolve, reject) => {
    const query = new FramedStatements<Row>([frame, ...statements], options.usePreparedStatements, (error, rows) =>
      error ? reject(error) : resolve(rows),
    )
    client.query(query)
  })
}
