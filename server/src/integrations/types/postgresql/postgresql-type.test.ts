import { randomBytes } from 'node:crypto'
import { connect as connectTo, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { guardWith } from '../../../url-guard/url-guard-testing.ts'
import { createTestAuthority, type TestCertificate } from '../../certificate-testing.ts'
import { testConnection } from '../../integration-type-testing.ts'
import { checkStatement } from './check-statement.ts'
import { postgresqlType } from './postgresql-type.ts'

const name = `shop_${randomBytes(4).toString('hex')}`
const password = 'canary-database-password'
const ownerUrl = new URL(inject('ownerUrl'))

const as = async <Result>(database: string, work: (client: pg.Client) => Promise<Result>) => {
  const url = new URL(ownerUrl)
  url.pathname = `/${database}`
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  return await work(client).finally(() => client.end())
}

beforeAll(async () => {
  await as('postgres', async (client) => {
    await client.query(`create database ${name}`)
    for (const role of [`${name}_reader`, `${name}_writer`])
      await client.query(`create role ${role} login password '${password}'`)
  })
  await as(name, async (client) => {
    await client.query(`
      create schema secret;
      create table orders (id int primary key, total numeric(20, 2), note text default 'none', made timestamptz, big bigint,
        is_paid boolean, data jsonb, file bytea, day date, tags text[], ratio double precision, plain timestamp);
      comment on table orders is 'What was sold';
      insert into orders (id, total, note) select i, i * 1.5, 'note ' || i from generate_series(1, 2000) i;
      update orders set total = 12345678901234567.89, made = '2026-10-06 08:00:00+02', big = 9007199254740993, is_paid = true,
        data = '{"a": [1]}', file = '\\x010203', day = '2026-10-06', tags = '{a,b}', ratio = 'NaN', plain = '2026-10-06 08:00' where id = 1;
      create table secret.salaries (id int, amount int);
      insert into secret.salaries values (1, 100);
      create sequence counter;
      create table written (at timestamptz default now());
      create function write_row() returns int language sql volatile as 'insert into written default values returning 1';
      create function write_stable() returns int language plpgsql stable as $$ begin insert into written default values; return 1; end $$;
      create function write_immutable() returns int language plpgsql immutable as $$ begin
        perform set_config('transaction_read_only', 'off', true); insert into written default values; return 1; end $$;
      create function touch(o orders) returns int language sql volatile security definer as 'insert into written default values returning 1';
      create function sneak(int, int) returns int language sql volatile as 'select write_row()';
      create operator #!# (leftarg = int, rightarg = int, function = sneak);
      create view writing_view as select write_row();
      grant usage on schema public, secret to ${name}_reader, ${name}_writer;
      grant select on all tables in schema public, secret to ${name}_reader;
      grant all on all tables in schema public, secret to ${name}_writer;
      grant all on all sequences in schema public to ${name}_writer;
    `)
  })
})

afterAll(() =>
  as('postgres', async (client) => {
    await client.query(`drop database ${name} with (force)`)
    await client.query(`drop role ${name}_reader, ${name}_writer`)
  }),
)

const connect = (settings: object = {}, options: Parameters<typeof testConnection>[1] = {}) =>
  testConnection(postgresqlType, {
    settings: {
      host: ownerUrl.hostname,
      port: Number(ownerUrl.port),
      database: name,
      user: `${name}_reader`,
      ssl: 'disable',
      ...settings,
    },
    credentials: { password },
    ...options,
  })
type Tools = Extract<typeof postgresqlType.tools, readonly unknown[]>
// biome-ignore lint/suspicious/noExplicitAny: results of tools are unknown, and tests look into them.
const call = (tool: string, input: object = {}, settings: object = {}): Promise<any> =>
  (postgresqlType.tools as Tools).find((one) => one.name === tool)!.execute(input, connect(settings))
const run = (sql: string, settings: object = {}) => call('query', { sql }, settings)
const refusal = (sql: string, settings: object = {}) =>
  run(sql, settings).then(
    (result) => JSON.stringify(result),
    (error: Error) => error,
  )

describe('a query', () => {
  test('gives back columns and rows, and loses nothing of the values', async () => {
    const sql = "select *, interval '1 day 2 hours' as span from orders where id = 1;"
    const { columns, rows, is_cut } = await run(sql)
    expect(Object.fromEntries(columns.map((column: string, index: number) => [column, rows[0][index]]))).toEqual({
      id: 1,
      total: '12345678901234567.89',
      note: 'note 1',
      made: '2026-10-06T06:00:00Z',
      big: '9007199254740993',
      is_paid: true,
      data: { a: [1] },
      file: '3 bytes',
      day: '2026-10-06',
      tags: '{a,b}',
      ratio: 'NaN',
      plain: '2026-10-06T08:00:00',
      span: 'P1DT2H',
    })
    expect(is_cut).toBe(false)
  })

  test.each([
    'with a as (select 1 as x) select x from a',
    'values (1), (2)',
    'table orders',
    '(select 1) union all select 2 -- and a comment',
    '/* before */ select 1 /* after */ ;',
    'explain select * from orders',
    'explain (format json) select 1',
    'show search_path',
    "select ';' as x",
    'select now(), random(), gen_random_uuid(), count(*) from orders group by ()',
    'select o.note, sum(o.total) over (order by o.id) from orders o limit 3',
    'select 1 as http_status, note as nextval from orders limit 1',
  ])('%s is allowed', async (sql) => {
    expect((await run(sql)).rows.length).toBeGreaterThan(0)
  })

  test('is cut at the rows that its owner allows', async () => {
    const ids = (result: { rows: unknown[][] }) => result.rows.map(([id]) => id)
    const cut = await run('select id from orders order by id', { row_limit: 250 })
    expect([ids(cut).length, ids(cut).at(-1), cut.is_cut]).toEqual([250, 250, true])
    const whole = await run('select id from orders order by id limit 250', { row_limit: 250 })
    expect([ids(whole).length, whole.is_cut]).toEqual([250, false])
    const empty = await run('select id from orders where false')
    expect(empty).toEqual({ columns: ['id'], rows: [], is_cut: false })
  })

  test('is cut at 200,000 characters, and long texts at 5,000', async () => {
    const many = await run("select repeat('x', 4000) from generate_series(1, 1000)", { row_limit: 1000 })
    expect([many.is_cut, many.rows.length < 51]).toEqual([true, true])
    const [[text]] = (await run("select repeat('x', 100000)")).rows
    expect(text).toMatch(/^x{5000}… \(100000 characters in all\)$/)
  })

  test('that is far too large or too slow is ended, and the next one works', async () => {
    const large = await refusal("select repeat('x', 200000000)")
    expect(String(large)).toContain('larger than 16 MB')
    const started = Date.now()
    const slow = await refusal('select count(*) from generate_series(1, 100000000000)', { time_limit: 1 })
    expect(String(slow)).toContain('took too long')
    expect(Date.now() - started).toBeLessThan(8000)
    expect((await run('select 1')).rows).toEqual([[1]])
  })

  test('with a fault says where', async () => {
    expect(String(await refusal('select * form orders'))).toMatch(/cannot be read as SQL.*at character/)
    expect(String(await refusal('select nothing from orders'))).toContain('column "nothing" does not exist')
    expect(String(await refusal('select * from nowhere'))).toContain('relation "nowhere" does not exist')
  })
})

const hostile = [
  'insert into written default values',
  'update orders set total = 0',
  'delete from orders',
  'truncate orders',
  'merge into orders o using orders p on o.id = p.id when matched then delete',
  'with x as (delete from orders returning *) select * from x',
  'with x as (insert into written default values returning *) select * from x',
  'select * from (with x as (update orders set total = 0 returning *) select * from x) y',
  'select * into copied from orders',
  'create table copied as select 1',
  'create temp table t (id int)',
  'drop table orders',
  'alter table orders add column x int',
  'grant all on orders to public',
  "copy orders to '/tmp/orders'",
  'copy orders from stdin',
  "copy (select 1) to program 'touch /tmp/hostile'",
  'do $$ begin delete from orders; end $$',
  'call pg_sleep(1)',
  'set transaction_read_only = off',
  'set local statement_timeout = 0',
  'reset all',
  'begin',
  'commit',
  'commit; delete from orders',
  'rollback; delete from orders',
  'select 1; delete from orders',
  "select '\\'; delete from orders; --'; delete from orders; --'",
  'select 1; commit; delete from orders; begin',
  'explain analyze delete from orders',
  'explain (analyze) select write_row()',
  'explain (analyze off, verbose) delete from orders',
  'select * from orders for update',
  'select * from orders for key share',
  'lock table orders',
  'listen x',
  'notify x',
  'vacuum orders',
  'prepare p as delete from orders',
  'execute p',
  'declare c cursor with hold for select 1',
  'fetch all from agentexpress_rows',
  'close agentexpress_rows',
  'discard all',
  'checkpoint',
  "load 'x'",
  'show all',
  'show app.secret',
  "select set_config('transaction_read_only', 'off', false)",
  "select pg_catalog.set_config('transaction_read_only', 'off', true), write_row()",
  "select \"set_config\"('statement_timeout', '0', false)",
  "select nextval('counter')",
  "select setval('counter', 99)",
  'select write_row()',
  'select public.write_row()',
  'select write_stable()',
  'select write_immutable()',
  'select * from write_row()',
  'select (o).touch from orders o limit 1',
  'select o.touch from orders o limit 1',
  'select touch(o) from orders o limit 1',
  'select 1 #!# 1',
  'select * from writing_view',
  'select 1 where exists (select write_row())',
  'select 1 order by write_row()',
  'values (write_row())',
  'select pg_sleep(100)',
  "select pg_sleep_for('1 hour')",
  'select pg_terminate_backend(pid) from pg_stat_activity',
  'select pg_cancel_backend(1)',
  'select pg_advisory_lock(1)',
  'select pg_try_advisory_xact_lock(1)',
  "select pg_notify('x', 'y')",
  "select pg_read_file('/etc/passwd')",
  "select pg_ls_dir('/')",
  "select lo_import('/etc/passwd')",
  'select lo_create(1)',
  "select lo_from_bytea(0, 'x')",
  "select * from dblink('dbname=x', 'delete from orders') as t(a int)",
  "select query_to_xml('delete from orders', true, true, '')",
  "select table_to_xml('secret.salaries', true, true, '')",
  "select database_to_xml(true, true, '')",
  "select * from ts_stat('select write_row()')",
  'select pg_export_snapshot()',
  'select txid_current()',
  'select pg_current_xact_id()',
  "select pg_logical_emit_message(false, 'a', 'b')",
  'select pg_stat_reset()',
  "select current_setting('server_version')",
  `select ${'('.repeat(9000)}1${')'.repeat(9000)} from (delete from orders returning 1) x`,
  `select ${'array['.repeat(3000)}1${']'.repeat(3000)}`,
  `select '${'x'.repeat(20_001)}'`,
  'select 1\0; delete from orders',
  '',
  ';',
  '-- nothing',
]

describe('of statements that would change something, none does', () => {
  const state = () =>
    as(name, async (client) => {
      const { rows } = await client.query(`
        select (select count(*) from orders) as orders, (select sum(total) from orders) as total,
          (select count(*) from written) as written, (select last_value || is_called::text from counter) as counter,
          (select count(*) from pg_class) as relations, (select count(*) from pg_largeobject_metadata) as objects,
          (select count(*) from pg_locks join pg_database on pg_database.oid = database
            where locktype = 'advisory' and datname = current_database()) as locks`)
      return rows[0]
    })

  // As a role that may write: what holds it back here is not its rights.
  test.each(['reader', 'writer'])(
    'as %s',
    async (role) => {
      const before = await state()
      const passed: string[] = []
      for (const sql of hostile) {
        const result = await refusal(sql, { user: `${name}_${role}`, time_limit: 2 })
        if (!(result instanceof Error)) passed.push(sql)
        else expect([sql, result.name]).toEqual([sql, 'StatementRefused'])
      }
      expect(passed).toEqual([])
      expect(await state()).toEqual(before)
    },
    60_000,
  )

  test('and the role could have done it', async () => {
    const url = new URL(ownerUrl)
    url.pathname = `/${name}`
    Object.assign(url, { username: `${name}_writer`, password })
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    const { rowCount } = await client.query('update orders set note = note where id = 2').finally(() => client.end())
    expect(rowCount).toBe(1)
  })
})

describe('schemas', () => {
  const schemas = { schemas: ['public'] }

  test('that its owner did not name are out of reach', async () => {
    expect((await run('select amount from secret.salaries')).rows).toEqual([[100]])
    expect((await run('select count(*) from orders', schemas)).rows).toEqual([['2000']])
    expect((await run('with salaries as (select 1 as a) select a from salaries', schemas)).rows).toEqual([[1]])
    for (const sql of [
      'select amount from secret.salaries',
      'select amount from salaries',
      'select * from (select amount from "secret"."salaries") x',
      'with orders as (select * from secret.salaries) select * from orders',
      `select amount from ${name}.secret.salaries`,
      'select * from pg_roles',
      'select * from pg_catalog.pg_class',
      'select * from information_schema.tables',
      'explain select * from secret.salaries',
    ])
      expect([sql, await refusal(sql, schemas)]).toEqual([sql, expect.any(Error)])
  })

  test('decide which tables are listed and described', async () => {
    const names = async (settings: object) =>
      (await call('list_tables', {}, settings)).tables.map((table: { name: string }) => table.name)
    expect(await names({})).toEqual(['orders', 'writing_view', 'written', 'salaries'])
    expect(await names(schemas)).toEqual(['orders', 'writing_view', 'written'])
    const table = await call('describe_table', { table: 'orders' }, schemas)
    expect(table).toMatchObject({ schema: 'public', comment: 'What was sold', constraints: ['PRIMARY KEY (id)'] })
    expect(table.columns[1]).toEqual({ name: 'total', type: 'numeric(20,2)', is_nullable: true })
    expect(table.columns[2].default).toBe("'none'::text")
    for (const other of ['salaries', "x' or true --", 'pg_class'])
      await expect(call('describe_table', { table: other }, schemas)).rejects.toThrow('no such table')
    expect((await call('describe_table', { table: 'salaries' })).schema).toBe('secret')
  })
})

describe('the connection', () => {
  const failure = (settings: object, options: object = {}) =>
    postgresqlType.test(connect(settings, options)).then(
      ({ message }) => message,
      (error: Error & { kind?: string }) => `${error.kind ?? error.name}: ${error.message}`,
    )

  test('says as whom, and that the role could write', async () => {
    expect(await failure({})).toMatch(
      new RegExp(`^Signed in to ${name} as ${name}_reader \\(PostgreSQL [\\d.]+\\S*.*\\)\\.$`),
    )
    expect(await failure({ user: `${name}_writer` })).toContain('could also change tables')
  })

  test('of a superuser is refused, at the test and at each query', async () => {
    const settings = { user: decodeURIComponent(ownerUrl.username) }
    const credentials = { password: decodeURIComponent(ownerUrl.password) }
    expect(await failure(settings, { credentials })).toMatch(/^refused: .*superuser/)
    const tool = (postgresqlType.tools as Tools).find((one) => one.name === 'query')!
    await expect(tool.execute({ sql: 'select 1' }, connect(settings, { credentials }))).rejects.toThrow('superuser')
  })

  test('is refused with a wrong password, without saying it', async () => {
    const said = await failure({}, { credentials: { password: 'canary-wrong' } })
    expect(said).toMatch(/^credentials: /)
    expect(said).not.toContain('canary')
    expect(await failure({ database: 'nowhere' })).toMatch(/^refused: .*does not exist/)
  })

  test('goes without encryption only to private hosts that the operator allowed, and not inside otherwise', async () => {
    const lookup = async () => [{ address: '93.184.216.34', family: 4 as const }]
    const far = { host: 'db.example.com', port: 5432 }
    expect(await failure(far, { urlGuard: guardWith({ lookup }) })).toContain('Without encryption')
    expect(await failure({}, { urlGuard: guardWith() })).toContain('not on the public internet')
    for (const host of ['/var/run/postgresql', 'localhost:1', 'a b'])
      expect(await failure({ host })).toMatch(/^unreachable: /)
  })

  test('is not made in the clear with a server that offers no encryption', async () => {
    for (const ssl of ['verify-full', 'require']) expect(await failure({ ssl })).toContain('does not offer encryption')
  })

  test('with encryption goes to a server with a certificate of its name', async () => {
    const authority = createTestAuthority()
    const lookup = async () => [{ address: '127.0.0.1', family: 4 as const }]
    const urlGuard = guardWith({ allowedPrivateHosts: ['127.0.0.0/8'], lookup })
    const port = await startTlsInFront(authority.issue('db.example.com'))
    const settings = { host: 'db.example.com', port, ssl: 'verify-full' }
    const ca_certificate = authority.cert
    expect(await failure(settings, { urlGuard })).toContain('from nobody this server trusts')
    expect(await failure({ ...settings, ca_certificate, host: 'other.example.com' }, { urlGuard })).toContain(
      'for another name',
    )
    expect(await failure({ ...settings, ca_certificate }, { urlGuard })).toContain('Signed in')
    expect(await failure({ ...settings, ssl: 'require' }, { urlGuard })).toContain('Signed in')
  })

  test('with a server that says nothing ends with the run', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => {})))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const { port } = silent.address() as { port: number }
    const started = Date.now()
    expect(await failure({ port, host: '127.0.0.1' }, { signal: AbortSignal.timeout(300) })).toMatch(
      /^(23|TimeoutError)/,
    )
    expect(Date.now() - started).toBeLessThan(3000)
    expect(await failure({ port: 1024, host: '127.0.0.1' })).toMatch(/^unreachable: /)
  })

  test('leaves no session behind', async () => {
    await run('select 1')
    await expect
      .poll(() =>
        as(name, async (client) => {
          const { rows } = await client.query(
            `select count(*)::int as open from pg_stat_activity where application_name = 'agentexpress' and datname = $1`,
            [name],
          )
          return rows[0].open
        }),
      )
      .toBe(0)
  })
})

/** PostgreSQL's own way into TLS (SSLRequest, `S`), and behind it the server of this test. */
async function startTlsInFront({ key, cert }: TestCertificate): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.once('data', () => {
      socket.write('S')
      const secure = new TLSSocket(socket, { isServer: true, key, cert }).on('error', () => {})
      const onward = connectTo(Number(ownerUrl.port), ownerUrl.hostname).on('error', () => {})
      sockets.push(onward)
      secure.pipe(onward).pipe(secure)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

test('what is read and called is found at any depth', async () => {
  const { functions } = await checkStatement('select a(b.c(1)) from d(2) where e() = any (select f())', [])
  expect(functions.map(({ name: one }) => one).sort()).toEqual(['a', 'c', 'd', 'e', 'f'])
})
