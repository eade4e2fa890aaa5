import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readMigrations } from '../../server/src/database/migrate.ts'
import { firstRelease } from '../../server/src/database/migrations/first-release.ts'
import { formatFinding, lintMigrations } from '../../server/src/database/migrations/lint-migrations.ts'
import { type LintRule, lintRules } from '../../server/src/database/migrations/lint-rules.ts'
import type { Migration } from '../../server/src/database/migrations/migration.ts'

const down = '-- Loses: nothing of note.\n-- Keeps: all rows.\n'
const first: Migration = {
  name: '20261201000000_create_things',
  up: `-- Things.
create table public.things (id uuid primary key, name text, other text);
create index things__name on public.things (name);
alter table public.things enable row level security;
alter table public.things force row level security;
create policy things_select_system on public.things for select to service_role using (true);
create policy things_all_active on public.things as restrictive for all to authenticated using (name is not null);
create trigger things_guard before insert on public.things for each row execute function app.guard();
create function app.count_things() returns int language sql as $$ select 1 $$;
create table public.parted (id int) partition by range (id);
alter table public.parted enable row level security;
alter table public.parted force row level security;
create policy parted_select_system on public.parted for select to service_role using (true);`,
  down: '-- Loses: all things (`things`, `parted`).\n-- Keeps: nothing else was there.\ndrop table public.things, public.parted;',
  checksum: '',
}
const make = (up: string, more: Partial<Migration> = {}): Migration => ({
  name: '20261202000000_change_things',
  up: up.startsWith('--') ? up : `-- Changes things.\n${up}`,
  down,
  checksum: '',
  ...more,
})
const lint = async (...migrations: Migration[]) =>
  (await lintMigrations([first, ...migrations])).map(({ rule }) => rule)

test('the project has no unsafe migration', async () => {
  const findings = await lintMigrations(await readMigrations())
  expect(findings.map((finding) => `${finding.migration}/${formatFinding(finding)}`)).toEqual([])
})

test('the first release is exempt from what it breaks and no more, and every later migration is bound, whatever its date', async () => {
  const migrations = await readMigrations()
  const broken = await lintMigrations(migrations, {})
  const rulesOf = (name: string) =>
    new Set(broken.filter(({ migration }) => migration === name).map(({ rule }) => rule))
  for (const [name, rules] of Object.entries(firstRelease)) expect([...rulesOf(name)].sort(), name).toEqual(rules)
  // Closed: what is added to it has to be written here as well.
  expect(Object.keys(firstRelease).at(-1)).toBe('20261122141000_count_runs_for_limits')

  const late = make('alter table public.plans drop column price', { name: '20261122145001_tidy_plans' })
  const early = make('update public.users set first_name = null', { name: '20261122090101_forget_names' })
  const index = migrations.findIndex(({ name }) => name > early.name)
  const findings = await lintMigrations([...migrations.slice(0, index), early, ...migrations.slice(index), late])
  const mine = findings.filter(({ migration }) => [early.name, late.name].includes(migration))
  expect(mine.map(({ migration, rule }) => [migration, rule])).toEqual([
    [early.name, 'data-change'],
    [early.name, 'past-policies'],
    [late.name, 'breaks-running-version'],
  ])
})

const unforced = (sql: string) =>
  `alter table public.things no force row level security; ${sql}; alter table public.things force row level security`

const unsafe: [rule: LintRule, up: string][] = [
  ['syntax', 'create tabel x ()'],
  ['transaction', 'begin; select 1'],
  ['transaction', 'select 1; commit'],
  ['transaction', 'create index concurrently things__other on public.things (other)'],
  ['transaction', 'vacuum public.things'],
  ['rls', 'create table public.bare (id int)'],
  [
    'rls',
    'create table public.half (id int); alter table public.half enable row level security; alter table public.half force row level security',
  ],
  ['rls', 'create table public.copied as select 1 as id'],
  ['rls', 'create view public.seen as select id from public.things'],
  ['rls', 'alter table public.things disable row level security'],
  ['rls', 'alter table public.things no force row level security'],
  ['rls', 'create view public.seen with (security_invoker = false) as select id from public.things'],
  ['rls', 'alter view public.seen set (security_invoker = off)'],
  ['rls', 'alter view public.seen reset (security_invoker)'],
  ['rls', 'create materialized view public.seen as select id from public.things'],
  ['guard', 'create or replace function app.f() returns int language sql security definer as $$ select 1 $$'],
  ['guard', 'alter function app.count_things() security definer'],
  ['guard', 'alter function app.count_things() reset search_path'],
  ['guard', 'alter function app.count_things() reset all'],
  ['guard', 'alter table public.things disable trigger all'],
  ['guard', 'alter table public.things disable trigger things_guard'],
  ['guard', 'drop trigger things_guard on public.things'],
  [
    'guard',
    'drop trigger things_guard on public.things; create trigger things_guarded before insert on public.things for each row execute function app.other()',
  ],
  [
    'guard',
    'drop policy things_all_active on public.things; create policy things_all_active on public.things for all to authenticated using (name is not null)',
  ],
  ['open-to-all', 'grant select on public.things to anon'],
  ['open-to-all', 'grant execute on function app.count_things() to public'],
  ['open-to-all', 'alter default privileges in schema public grant select on tables to anon'],
  ['open-to-all', 'grant service_role to authenticated'],
  ['open-to-all', 'create policy things_select_all on public.things for select using (true)'],
  ['open-to-all', 'create policy things_insert on public.things for insert to authenticated with check (true)'],
  ['open-to-all', 'alter policy things_select_system on public.things using (true)'],
  ['past-policies', 'insert into public.parted (id) select 1 from public.things'],
  ['blocks-writes', 'create index things__other on public.things (other)'],
  ['blocks-writes', 'create unique index things__other on things (other)'],
  ['blocks-writes', 'alter table public.things add constraint things_name unique (name)'],
  ['blocks-writes', 'alter table public.things add column code text unique'],
  ['blocks-writes', 'lock table public.things'],
  ['blocks-writes', 'create index things__other on only public.things (other)'],
  ['blocks-writes', 'reindex table public.things'],
  ['blocks-writes', 'reindex (verbose, concurrently false) table public.things'],
  ['blocks-writes', 'alter table public.things detach partition public.things_old'],
  ['rewrite', 'alter table public.things alter column name type varchar(20)'],
  ['rewrite', 'alter table public.things add column token uuid default gen_random_uuid()'],
  ['rewrite', `alter table public.things add column at timestamptz default (clock_timestamp() + interval '1 day')`],
  ['rewrite', 'alter table public.things add column number serial'],
  ['rewrite', 'alter table public.things add column number int generated always as identity'],
  ['rewrite', 'alter table public.things add column size int generated always as (length(name)) stored'],
  ['rewrite', 'alter table public.things set unlogged'],
  ['rewrite', 'cluster public.things using things__name'],
  ['not-null', 'alter table public.things add column code text not null'],
  ['not-null', 'alter table public.things alter column name set not null'],
  ['constraint-not-valid', 'alter table public.things add constraint c check (name <> other)'],
  [
    'constraint-not-valid',
    'alter table public.things add constraint f foreign key (name) references public.other (name)',
  ],
  ['constraint-not-valid', 'alter table public.things add column code uuid references public.other (id)'],
  [
    'validate-same-transaction',
    'alter table public.things add constraint c check (name <> other) not valid; alter table public.things validate constraint c',
  ],
  ['breaks-running-version', 'drop table public.things'],
  ['breaks-running-version', 'alter table public.things drop column name'],
  ['breaks-running-version', 'alter table public.things rename column name to title'],
  ['breaks-running-version', 'alter table public.things rename to items'],
  ['breaks-running-version', 'alter table public.things set schema app'],
  ['breaks-running-version', 'truncate public.things'],
  ['breaks-running-version', 'drop function app.count_things()'],
  ['breaks-running-version', 'alter function app.count_things() rename to count_items'],
  ['breaks-running-version', 'drop policy things_select_system on public.things'],
  ['breaks-running-version', 'revoke select on public.things from authenticated'],
  ['breaks-running-version', 'revoke select on all tables in schema public from authenticated'],
  ['breaks-running-version', 'revoke execute on function app.count_things() from authenticated'],
  ['breaks-running-version', 'revoke usage on schema app from authenticated'],
  ['breaks-running-version', 'drop owned by authenticated'],
  ['breaks-running-version', 'drop schema app cascade'],
  ['data-change', unforced(`update public.things set name = ''`)],
  ['data-change', unforced('delete from public.things')],
  ['data-change', unforced('with gone as (delete from public.things returning id) select count(*) from gone')],
  ['session-setting', `set search_path = 'public'`],
  ['session-setting', 'set local lock_timeout = 0'],
  ['session-setting', `set local lock_timeout = '5min'`],
  ['hidden', 'do $$ begin alter table public.things drop column name; end $$'],
]

describe('the linter finds', () => {
  test.each(unsafe)('%s: %s', async (rule, up) => {
    expect(await lint(make(up))).toEqual([rule])
  })

  test('a file that says too little', async () => {
    expect(await lint({ ...make(''), up: 'select 1' })).toEqual(['description'])
    expect(await lint(make('select 1', { down: '-- Loses: all.\nselect 1' }))).toEqual(['down-header'])
    expect(await lint(make('select 1', { down: 'select 1' }))).toEqual(['down-header'])
    expect(await lint(make('select 1', { name: '2026_change' }))).toEqual(['name'])
    expect(await lint(make('select 1', { down: `${down}drop tabel x` }))).toEqual(['syntax'])
    expect(await lint(make('select 1', { down: `${down}commit` }))).toEqual(['transaction'])
  })

  test('a way back that takes away what it does not name', async () => {
    const back = (loses: string, sql: string) =>
      lint(make('select 1', { down: `-- Loses: ${loses}\n-- Keeps: all else.\n${sql}` }))
    expect(await back('nothing.', 'alter table public.things drop column name;')).toEqual(['down-header'])
    expect(await back('names (`things.name`).', 'alter table things drop column name, drop column other;')).toEqual([
      'down-header',
    ])
    expect(await back('names (`things.name`).', 'alter table things drop column name;')).toEqual([])
    expect(await back('names (`things.name`).', 'drop table public.things;')).toEqual(['down-header'])
    expect(await back('names (`app.names`).', 'drop table app.names;')).toEqual([])
  })

  test('rows that an owner under policies would not find, forth and back', async () => {
    const change = `update public.things set name = ''`
    expect(await lint(make(change))).toEqual(['data-change', 'past-policies'])
    const back = (sql: string) => lint(make('select 1', { down: `${down}${sql}` }))
    expect(await back(change)).toEqual(['past-policies'])
    expect(await back(unforced(change))).toEqual([])
    expect(await back(`alter table public.things no force row level security; ${change}`)).toEqual(['rls'])
    expect(await back(unforced('delete from public.things using public.parted'))).toEqual(['past-policies'])
  })

  test('a way back of a migration without a transaction that needs the whole of it', async () => {
    const up =
      '-- Without a transaction: an index.\ncreate index concurrently if not exists i on public.things (other);'
    expect(await lint(make(up, { down: `${down}drop index concurrently public.i;` }))).toEqual(['half-way-back'])
    expect(await lint(make(up, { down: `${down}drop index concurrently if exists public.i;` }))).toEqual([])
  })

  test('what docs/migrations.md lists, no more and no less', async () => {
    const document = await readFile(join(import.meta.dirname, '../../docs/migrations.md'), 'utf8')
    const cells = [...document.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|/gm)].map(([, cell = '']) => cell)
    expect(cells.flatMap((cell) => cell.replaceAll('`', '').split(', ')).sort()).toEqual(Object.keys(lintRules).sort())
  })

  test('knows an example for every rule', () => {
    const shown = new Set<string>([
      ...unsafe.map(([rule]) => rule),
      'name',
      'description',
      'down-header',
      'half-way-back',
    ])
    expect(Object.keys(lintRules).filter((rule) => !shown.has(rule))).toEqual(['allow-reason', 'unused-allow'])
  })
})

describe('the linter leaves alone', () => {
  test.each([
    'create index parted__id on only public.parted (id)',
    'alter table public.things add column code text',
    `alter table public.things add column code text not null default 'x'`,
    'alter table public.things add column at timestamptz not null default now()',
    'alter table public.things add constraint c check (name <> other) not valid',
    'alter table public.things add constraint u unique using index things__name',
    'drop index public.things__name',
    'drop trigger things_guard on public.things; create trigger things_guarded before insert or update on public.things for each statement execute function app.guard()',
    'drop policy things_all_active on public.things; create policy things_all_active on public.things as restrictive for all to authenticated using (true)',
    `create function app.f() returns int language sql security definer set search_path = '' as $$ select 1 $$; revoke execute on function app.f() from public`,
    'alter function app.count_things() security definer set search_path = pg_catalog, pg_temp',
    'create policy things_insert_definer on public.things for insert to current_user with check (true)',
    'insert into public.things (id) select gen_random_uuid() from generate_series(1, 3)',
    'drop policy things_select_system on public.things; create policy things_select_system on public.things for select to service_role using (true)',
    'create function app.twice(int) returns int language sql as $$ select 2 $$; drop function app.twice(int)',
    'insert into public.things (id) values (gen_random_uuid())',
    `set local lock_timeout = '2s'`,
    'create view public.seen with (security_invoker = true) as select id from public.things',
    'create table public.new_ones (id int not null); create index on public.new_ones (id); alter table public.new_ones add check (id > 0), drop column id; alter table public.new_ones enable row level security; alter table public.new_ones force row level security; create policy p on public.new_ones to service_role using (true)',
    'create table public.part partition of public.things for values in (1); alter table public.part enable row level security; alter table public.part force row level security',
    'do $$ begin perform 1; end $$',
  ])('%s', async (up) => {
    expect(await lint(make(up))).toEqual([])
  })

  test('NOT NULL that an earlier check has proven', async () => {
    const check = make('alter table public.things add constraint n check (name is not null) not valid')
    const validate = make('alter table public.things validate constraint n', { name: '20261203000000_validate' })
    const set = make('alter table public.things alter column name set not null', { name: '20261204000000_set' })
    expect(await lint(check, validate, set)).toEqual([])
    expect(await lint(check, set)).toEqual(['not-null'])
  })
})

describe('an override', () => {
  const drop = 'alter table public.things drop column name'
  test('with a reason lets its own statement pass, and no other', async () => {
    const allowed = `-- lint-allow breaks-running-version: nothing read it since version 0.3.\n${drop};`
    expect(await lint(make(`-- Tidies up.\n${allowed}`))).toEqual([])
    expect(await lint(make(`-- Tidies up.\n${allowed}\nalter table public.things drop column other;`))).toEqual([
      'breaks-running-version',
    ])
    expect(
      await lint(
        make(
          `-- Tidies up.\nalter table public.things\n  -- lint-allow breaks-running-version: nothing read it since 0.3.\n  drop column name;`,
        ),
      ),
    ).toEqual([])
  })

  test('without a reason, of no rule, or of a rule that nothing breaks is a finding itself', async () => {
    expect(await lint(make(`-- lint-allow breaks-running-version:\n${drop}`))).toEqual(['allow-reason'])
    expect(await lint(make(`-- lint-allow breaks-running-version: ok\n${drop}`))).toEqual(['allow-reason'])
    expect(await lint(make(`-- lint-allow nonsense: a very good reason\nselect 1`))).toEqual(['allow-reason'])
    expect(await lint(make('-- lint-allow rewrite: a very good reason\nselect 1'))).toEqual(['unused-allow'])
  })
})

test('a finding says where, what and how to do better', async () => {
  const [finding] = await lintMigrations([first, make('\n\n-- why\ndrop table\n public.things')])
  expect(formatFinding(finding!)).toBe(
    'migration.sql:5 breaks-running-version: drops public.things. The version that is running still uses it. Stop using it in one version, take it away in the next.',
  )
})
