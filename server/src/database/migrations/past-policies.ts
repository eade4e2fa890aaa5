import type pg from 'pg'
import type { Migration } from './migration.ts'

/**
 * Tables whose rows a migration reads or changes although their policies bind their owner as well, without saying so: it
 * would find no rows and change none, without a word, under an owner without BYPASSRLS. Its text cannot be edited any more.
 * The list is closed: a new migration says `no force row level security` itself.
 */
const tablesOf: Readonly<Record<string, readonly string[]>> = {
  '20261122140000_sell_plans': ['public.plans', 'public.subscriptions'],
}

/** Runs migration.sql, within its transaction: nobody else sees the tables without their force. */
export async function runPastPolicies(client: pg.Client, { name, up }: Migration): Promise<void> {
  const alter = (words: string) =>
    (tablesOf[name] ?? []).map((table) => `alter table ${table} ${words} row level security;`).join('\n')
  await client.query(alter('no force'))
  await client.query(up)
  await client.query(alter('force'))
}
