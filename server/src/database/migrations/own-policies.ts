import type pg from 'pg'

/**
 * Some policies name the owner of the tables: its triggers and functions see and write what nobody else may. When the
 * database gets another owner (REASSIGN OWNED, ALTER TABLE ... OWNER), they go on naming the old one, usage of deleted logs
 * is lost without a word and runs that end late cannot be written. They are made to name the present owner.
 */
export async function ownPolicies(client: pg.Client, onProgress: (text: string) => void): Promise<void> {
  const { rows } = await client.query<{ name: string; statement: string }>(
    `select polname as name, format('alter policy %I on %s to %I', polname, polrelid::regclass, current_user) as statement
     from pg_policy join pg_class on pg_class.oid = polrelid join pg_namespace on pg_namespace.oid = relnamespace
     where nspname in ('public', 'agent_log_partitions')
       and (polname like '%\\_definer' or polname = 'agent_logs_default_all_owner')
       and relowner = current_user::regrole and polroles <> array[relowner]
     order by 1`,
  )
  for (const { name, statement } of rows) {
    onProgress(`${name} names another owner of the tables: it is corrected`)
    await client.query(`begin; set local lock_timeout = '5s'; ${statement}; commit`).catch(async (error: unknown) => {
      await client.query('rollback')
      throw error
    })
  }
}
