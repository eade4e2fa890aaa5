export type Row = Record<string, unknown>
export type Rows = Record<string, Row[]>

/** What a migration changes in rows that stay, apart from what it fills into new columns. */
interface Change {
  down?: (tables: Rows) => Rows
  /** Statements of the former version, after the way back. */
  meanwhile?: string
  up?: (tables: Rows) => Rows
  /** What is there after the way forth again: a query, and each of its rows. */
  shows?: [query: string, rows: unknown[][]]
}

const mapTable = (tables: Rows, table: string, change: (row: Row) => Row | null): Rows => ({
  ...tables,
  [table]: (tables[table] ?? []).map(change).filter((row) => row !== null),
})

const replace = (tables: Rows, table: string, column: string, from: string, to: object): Rows =>
  mapTable(tables, table, (row) => (row[column] === from ? { ...row, ...to } : row))

/** Counts of fill-tables.sql's one hour, of which a run waits. */
const recount = (tables: Rows, change: Record<string, number>): Rows =>
  mapTable(tables, 'public.usage_hours', (row) => {
    if (row.is_correction) return row
    return { ...row, ...Object.fromEntries(Object.entries(change).map(([name, by]) => [name, Number(row[name]) + by])) }
  })

/** What plans of the first catalogue included, in the form of now. */
const upgradedFeatures = {
  limits: {
    user_agents: 3,
    runs_per_month: 100,
    tokens_per_month: null,
    cost_usd_per_month: null,
    integrations: null,
    api_keys: null,
    concurrent_runs: null,
    log_retention_days: null,
    upload_kb: null,
  },
  switches: { api: true, widget: true, schedules: true, publishing: true, own_model_keys: true },
  integration_types: null,
  models: 'all',
  support: 'email',
  highlights: ['Fast'],
}

/** By name of the migration, for the rows of fill-tables.sql. Whatever is not here is kept as it is. */
export const migrationChanges: Readonly<Record<string, Change>> = {
  '20261122130000_use_integrations': {
    down: (tables) =>
      recount(
        replace(tables, 'public.agent_logs', 'status', 'waiting', { status: 'interrupted', error_code: 'interrupted' }),
        { interrupted: 1 },
      ),
  },
  '20261122134000_count_waiting_runs': {
    down: (tables) => recount(tables, { unpriced_runs: 1 }),
    up: (tables) => recount(tables, { unpriced_runs: -1 }),
  },
  '20261122140000_sell_plans': {
    down: (tables) =>
      replace(
        mapTable(tables, 'public.subscriptions', (row) => (row.status === 'incomplete' ? null : row)),
        'public.subscriptions',
        'status',
        'canceled',
        { status: 'cancelled' },
      ),
    meanwhile: `
      insert into public.plans (id, name, description, price, features, slug) values
        ('00000000-0000-7000-8000-000000000105', 'Starter', 'Bob had it', 3, '{"user_agents": 3, "runs_per_month": 100, "highlights": ["Fast"]}', 'starter');
      insert into public.subscriptions (id, user_id, plan_id, status, start_date, end_date) values
        ('00000000-0000-7000-8000-000000000205', '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000105', 'cancelled', '2025-01-01', '2025-02-01')`,
    up: (tables) =>
      replace(
        replace(
          mapTable(tables, 'public.plans', (row) => (row.slug === 'team' ? null : row)),
          'public.plans',
          'slug',
          'starter',
          { slug: null, features: upgradedFeatures },
        ),
        'public.subscriptions',
        'status',
        'cancelled',
        { status: 'canceled' },
      ),
    shows: [
      `select email, plans.name, status, archived_at is not null from public.subscriptions
       join public.users on users.id = user_id join public.plans on plans.id = plan_id where is_current order by 1`,
      [
        ['ada@example.test', 'Pro', 'active', false],
        ['bob@example.test', 'Free', 'canceled', false],
      ],
    ],
  },
}
