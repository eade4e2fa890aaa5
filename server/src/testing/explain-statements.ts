import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  CompiledQuery as Raw,
} from 'kysely'
import pg from 'pg'
import type { Database, Tx } from '../database/database.ts'
import type { Tables } from '../database/types.ts'

export interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Loops': number
  'Actual Rows': number
  'Rows Removed by Filter'?: number
  'Shared Hit Blocks'?: number
  'Shared Read Blocks'?: number
  Plans?: PlanNode[]
}

export interface Explained {
  Plan: PlanNode
  'Planning Time': number
  'Execution Time': number
}

export interface ExplainedStatement {
  text: string
  values: readonly unknown[]
  /** As PostgreSQL runs it when it keeps one plan for all values, and when it plans for these. */
  generic?: Explained
  custom?: Explained
}

/**
 * A database that explains every statement before it runs it, as the role and with the claims and values it is run with,
 * and leaves no trace of the first time. `take` answers what was explained since it was last called.
 */
export function explainStatements(database: Database): { database: Database; take(): ExplainedStatement[] } {
  let explained: ExplainedStatement[] = []
  const wrap = (tx: Tx): Tx =>
    new Kysely<Tables>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
        createDriver: () => new ExplainingDriver(tx, (found) => explained.push(found)),
      },
    })
  return {
    database: {
      ...database,
      withUser: (claims, work) => database.withUser(claims, (tx) => work(wrap(tx))),
      asAnonymous: (work) => database.asAnonymous((tx) => work(wrap(tx))),
      asSystem: (reason, work, more) => database.asSystem(reason, (tx) => work(wrap(tx)), more),
      async queryAsUser(claims, statement) {
        await database.withUser(claims, async (tx) => {
          for (const one of [statement.before ?? [], statement].flat())
            explained.push(await explainTwice(tx, one.text, one.values))
        })
        return database.queryAsUser(claims, statement)
      },
    },
    take() {
      const taken = explained
      explained = []
      return taken
    },
  }
}

class ExplainingDriver implements Driver {
  readonly #connection: DatabaseConnection

  constructor(tx: Tx, add: (found: ExplainedStatement) => void) {
    let before: Promise<unknown> = Promise.resolve()
    this.#connection = {
      executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
        // One after the other: statements that a transaction sends at once would end up in each other's savepoints.
        const result = before
          .then(async () => {
            // EXPLAIN refuses what has no plan.
            if (!/^lock /.test(query.sql)) add(await explainTwice(tx, query.sql, query.parameters))
          })
          .then(() => tx.executeQuery<Row>(query))
        before = result.catch(() => {})
        return result
      },
      // biome-ignore lint/correctness/useYield: Kysely's interface wants a generator; the server uses none.
      async *streamQuery() {
        throw new Error('Read long results in keyset pages.')
      },
    }
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
  async beginTransaction(): Promise<void> {}
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
}

async function explainTwice(tx: Tx, text: string, values: readonly unknown[]): Promise<ExplainedStatement> {
  // A transaction that decides for one of them is never run with the other.
  const { rows } = await tx.executeQuery<{ plan_cache_mode: string }>(Raw.raw('show plan_cache_mode'))
  const mode = rows[0]?.plan_cache_mode
  return {
    text,
    values,
    ...(mode !== 'force_custom_plan' && { generic: await explain(tx, text, values, 'force_generic_plan') }),
    ...(mode !== 'force_generic_plan' && { custom: await explain(tx, text, values, 'force_custom_plan') }),
  }
}

async function explain(tx: Tx, text: string, values: readonly unknown[], mode: string): Promise<Explained> {
  const run = (statement: string) => tx.executeQuery<{ 'QUERY PLAN': [Explained] }>(Raw.raw(statement))
  const literals = values.length > 0 ? `(${values.map(toLiteral).join(', ')})` : ''
  await run('savepoint before_explaining')
  await run(`set local plan_cache_mode = ${mode}`)
  await run(`prepare explained as ${text}`)
  const { rows } = await run(`explain (analyze, buffers, timing off, format json) execute explained${literals}`)
  await run('rollback to savepoint before_explaining')
  // What is prepared survives a rollback.
  await run('deallocate explained')
  const explained = rows[0]?.['QUERY PLAN'][0]
  if (!explained) throw new Error('PostgreSQL explained nothing')
  return explained
}

/** A value as EXECUTE takes it. */
export function toLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString())
  if (Buffer.isBuffer(value)) return `'\\x${value.toString('hex')}'`
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.map((item) => JSON.stringify(String(item))).join(',')}}`)
  if (typeof value === 'object') return pg.escapeLiteral(JSON.stringify(value))
  return pg.escapeLiteral(String(value))
}
