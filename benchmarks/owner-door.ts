import { CompiledQuery } from 'kysely'
import pg from 'pg'
import type { Claims, Database } from '../server/src/database/database.ts'
import { queryFramed, type Statement } from '../server/src/database/framed-statement.ts'
import { explainStatements } from '../server/src/testing/explain-statements.ts'

/*
 * The same statements through the same kind of transaction, but without row-level security: in the database of a benchmark
 * `service_role` has BYPASSRLS, since the policies are forced on the owner, too.
 */

/** Finds out what `work` sends, so that both sides send the same without building it anew each time. */
export async function captureStatements(
  database: Database,
  work: (database: Database) => Promise<unknown>,
): Promise<CompiledQuery[]> {
  const explained = explainStatements(database)
  await work(explained.database)
  return explained.take().map(({ text, values }) => CompiledQuery.raw(text, [...values]))
}

/** The statement as it has to be written where no policy adds the owner of the rows. */
export function forOwner({ sql, parameters }: CompiledQuery, userId: string): CompiledQuery {
  const condition = `where user_id = $${parameters.length + 1}::uuid and `
  const text = sql.replaceAll(/(from "?(?:agent_logs|usage_hours)"?\s+)where /g, (_whole, from) => from + condition)
  return text === sql ? CompiledQuery.raw(sql, [...parameters]) : CompiledQuery.raw(text, [...parameters, userId])
}

export interface OwnerDoor {
  /** `queryAsUser` without row-level security: frame and statement in one message. */
  queryFramed(claims: Claims, statement: Statement): Promise<unknown>
  /** The statement alone, prepared, in a transaction that PostgreSQL opens by itself. */
  queryPlain(statement: Statement): Promise<unknown>
  close(): Promise<void>
}

export function openOwnerDoor(ownerUrl: string, connections: number): OwnerDoor {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: connections, pipeline: true } as pg.PoolConfig)
  const withClient = async (work: (client: pg.PoolClient) => Promise<unknown>) => {
    const client = await pool.connect()
    return work(client).finally(() => client.release())
  }
  return {
    queryFramed: (claims, statement) =>
      withClient((client) => {
        // Word for word the frame of `queryAsUser`, for another role.
        const frame: Statement = {
          name: 'frame_owner',
          text: `select set_config('role', 'service_role', true), set_config('request.jwt.claims', $1, true), set_config('request.account_checked', $2, true)`,
          values: [JSON.stringify({ ...claims, role: 'service_role' }), 'true'],
        }
        return queryFramed(client, frame, [statement], { usePreparedStatements: true })
      }),
    // Both kinds share the connections, and each keeps its own list of what is prepared there.
    queryPlain: ({ name, ...statement }) =>
      withClient((client) => client.query({ ...statement, name: `plain_${name}` })),
    close: () => pool.end(),
  }
}
