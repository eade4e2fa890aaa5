import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

export interface AuditRow {
  id: number
  created_at: Date
  actor_id: string | null
  actor_name: string | null
  action: string
  target_type: string
  target_id: string
  target_name: string | null
  detail: Record<string, unknown>
  hash: string
}

export interface AuditFilter {
  actor_id?: string | undefined
  action?: string | undefined
  target_type?: string | undefined
  target_id?: string | undefined
  from?: Date | undefined
  to?: Date | undefined
}

const isId = sql.raw(`'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`)

/** Newest first. Names are looked up: an entry itself holds ids alone. */
export async function listAuditLog(
  tx: Tx,
  filter: AuditFilter,
  { beforeId, limit }: { beforeId: number | undefined; limit: number },
): Promise<AuditRow[]> {
  const conditions = [sql`true`]
  if (filter.actor_id !== undefined) conditions.push(sql`actor_id = ${filter.actor_id}::uuid`)
  if (filter.action !== undefined) conditions.push(sql`action = ${filter.action}`)
  if (filter.target_type !== undefined) conditions.push(sql`target_type = ${filter.target_type}`)
  if (filter.target_id !== undefined) conditions.push(sql`target_id = ${filter.target_id}`)
  if (filter.from !== undefined) conditions.push(sql`created_at >= ${filter.from}`)
  if (filter.to !== undefined) conditions.push(sql`created_at < ${filter.to}`)
  if (beforeId !== undefined) conditions.push(sql`id < ${beforeId}::bigint`)
  const { rows } = await sql<AuditRow>`
    with page as (
      select * from audit_log where ${sql.join(conditions, sql` and `)} order by id desc limit ${limit}
    ),
    named as (
      select page.*, case when target_id ~ ${isId} then target_id::uuid end as target_uuid from page
    )
    select id, created_at, actor_id, action, target_type, target_id, detail, encode(hash, 'hex') as hash,
      (select email from users where users.id = actor_id) as actor_name,
      case target_type
        when 'user' then (select email from users where users.id = target_uuid)
        when 'plan' then (select name from plans where plans.id = target_uuid)
        when 'agent' then (select name from agents where agents.id = target_uuid)
      end as target_name
    from named order by id desc`.execute(tx)
  return rows
}

/** An entry as the chain sees it: with what its hash is made of, and the hash that PostgreSQL itself computes. */
export interface ChainedEntry {
  id: number
  /** UTC with microseconds. */
  time: string
  actor_id: string | null
  action: string
  target_type: string
  target_id: string
  /** As PostgreSQL writes jsonb. */
  detail: string
  previous_hash: string
  hash: string
  hash_in_sql: string
}

/** Oldest first, in the order of the ids. */
export async function listChain(tx: Tx, afterId: number, limit: number): Promise<ChainedEntry[]> {
  const { rows } = await sql<ChainedEntry>`
    select id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, actor_id, action,
      target_type, target_id, detail::text as detail, encode(previous_hash, 'hex') as previous_hash,
      encode(hash, 'hex') as hash, encode(app.hash_audit_entry(audit_log), 'hex') as hash_in_sql
    from audit_log where id > ${afterId}::bigint order by id limit ${limit}`.execute(tx)
  return rows
}

/** The newest entry; null while there is none. */
export async function findAuditHead(tx: Tx): Promise<{ id: number; hash: string } | null> {
  const { rows } = await sql<{ id: number; hash: string }>`
    select id, encode(hash, 'hex') as hash from audit_log order by id desc limit 1`.execute(tx)
  return rows[0] ?? null
}
