import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../agent-logs/agent-log-testing.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { ownPolicies } from './migrations/own-policies.ts'
import { adviseServerRole } from './server-role-advice.ts'
import { findRoleFaults } from './server-role-faults.ts'

let testDatabase: TestDatabase
let owner: pg.Client
let version: number
let mine: TestUser
let other: TestUser

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  owner = new pg.Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
  version = Number((await owner.query(`select current_setting('server_version_num') as n`)).rows[0].n)
  mine = await testDatabase.createUser()
  other = await testDatabase.createUser()
  await insertTestLog(testDatabase.database, { user_id: other.id, timestamp: new Date('2015-01-01T00:00:00Z') })
  await owner.query('analyze users; checkpoint')
})
afterAll(async () => {
  await owner.end()
  await testDatabase.close()
})

const login = 'login_in_transaction'
const group = 'group_in_transaction'
const api = ['anon', 'authenticated', 'service_role']

/** Nobody else sees what becomes of the roles that all tests share. The first grant takes their locks in one order. */
async function inTransaction(setUp: string, work: () => Promise<void>): Promise<void> {
  try {
    await owner.query(`begin; create role ${login} login noinherit; grant ${api.join(', ')} to ${login}; ${setUp}`)
    await work()
  } finally {
    await owner.query('rollback')
  }
}

/** As the login in a session of its own, or as the role that it takes on, with the claims of `user`. Answers the last rows. */
async function asLogin(statements: string, role = 'none', user?: TestUser): Promise<Record<string, unknown>[]> {
  await owner.query(`set local session authorization ${login}; set local role ${role}`)
  await owner.query(`select set_config('request.jwt.claims', $1, true)`, [user ? JSON.stringify(user.claims) : ''])
  const results = (await owner.query(statements)) as pg.QueryResult | pg.QueryResult[]
  await owner.query(`set local role none; set local session authorization default`)
  return [results].flat().at(-1)?.rows ?? []
}

const asUser = (statements: string) => asLogin(statements, 'authenticated', mine)
const seesOthers = async () => (await asUser('select id from users')).length > 1
const runs = (statement: string) => async () => {
  await asLogin(statement)
  return true
}

/** What fits a statement of the owner better than PostgreSQL's own runs as the owner. */
const plants = (schema: string) => async () => {
  await asLogin(
    `create function ${schema}.trap(name, name) returns boolean language plpgsql as $$
       begin perform set_config('request.trapped', current_user, true); return false; end $$;
     create operator ${schema}.~~ (function = ${schema}.trap, leftarg = name, rightarg = name)`,
  )
  await ownPolicies(owner, () => {})
  const { rows } = await owner.query(`select current_setting('request.trapped', true) = current_user as is_owner`)
  return rows[0].is_owner === true
}

/** Memberships say since PostgreSQL 16 whether they are inherited; before, the member does. */
const inherits = (member: string, given: string) =>
  version >= 160000
    ? `grant ${given} to ${member} with inherit true`
    : `alter role ${member} inherit; grant ${given} to ${member}`

interface Case {
  what: string
  /** Memberships had no options before. */
  isSince16?: true
  rights: () => string
  /** Whether the login, or a user, gets at what is another user's. */
  succeeds: () => Promise<boolean>
  fault: Record<string, unknown>
}

const cases: Case[] = [
  {
    what: 'owns a function that policies ask',
    rights: () =>
      `alter function app.is_admin() owner to ${login}; grant usage on schema app to ${login}; create schema own authorization ${login}`,
    async succeeds() {
      await asLogin(
        `create function own.trap(jsonb, text) returns text language sql as $$ select 'admin' $$;
         create operator own.->> (function = own.trap, leftarg = jsonb, rightarg = text);
         grant usage on schema own to authenticated;
         alter function app.is_admin() set search_path = own, pg_catalog`,
      )
      return seesOthers()
    },
    fault: { role: login, what: 'owns the function app.is_admin()' },
  },
  {
    what: 'owns the function that keeps suspended users out',
    rights: () => `alter function app.is_active_user() owner to ${login}; update users set suspended_at = now()`,
    async succeeds() {
      await asLogin('drop owned by current_user cascade')
      return (await asUser('select id from users')).length > 0
    },
    fault: { role: login, what: 'owns the function app.is_active_user()' },
  },
  {
    what: 'owns the schema of the identity functions',
    rights: () => `alter schema auth owner to ${login}`,
    async succeeds() {
      await asLogin(
        `drop function auth.jwt(); create function auth.jwt() returns jsonb language sql as $$ select '{"user_role": "admin"}'::jsonb $$`,
      )
      return seesOthers()
    },
    fault: { role: login, what: 'owns the schema auth' },
  },
  {
    what: 'owns the schema of the partitions',
    rights: () => `alter schema agent_log_partitions owner to ${login}`,
    succeeds: runs('drop table agent_log_partitions.agent_logs_default'),
    fault: { role: login, what: 'owns the schema agent_log_partitions' },
  },
  {
    what: 'owns a partition',
    rights: () => `alter table agent_log_partitions.agent_logs_default owner to ${login}`,
    async succeeds() {
      await asLogin('drop owned by current_user')
      return (
        (await owner.query(`select to_regclass('agent_log_partitions.agent_logs_default') as it`)).rows[0].it === null
      )
    },
    fault: { role: login, what: 'owns the table agent_log_partitions.agent_logs_default' },
  },
  {
    what: 'owns a type of a column',
    rights: () =>
      `create domain public.kind as varchar(50); alter table sessions add kind public.kind; alter domain public.kind owner to ${login}`,
    succeeds: runs('drop type public.kind cascade'),
    fault: { role: login, what: 'owns the type public.kind' },
  },
  {
    what: 'owns a sequence that others use',
    rights: () => `create sequence public.numbers; alter sequence public.numbers owner to ${login}`,
    succeeds: runs(`select setval('public.numbers', 1)`),
    fault: { role: login, what: 'owns the sequence public.numbers' },
  },
  {
    what: 'owns the database',
    rights: () => `do $$ begin execute format('alter database %I owner to ${login}', current_database()); end $$`,
    // Before PostgreSQL 16 it has to say so if it is NOINHERIT.
    succeeds: runs('set local role pg_database_owner; drop table public.api_keys'),
    fault: { role: login, what: 'owns the database' },
  },
  {
    what: 'may create schemas, one with the name of the owner',
    rights: () => `do $$ begin execute format('grant all on database %I to ${login}', current_database()); end $$`,
    async succeeds() {
      await asLogin('create schema postgres')
      return plants('postgres')()
    },
    fault: { role: login, is_power: false, what: 'may create schemas in the database' },
  },
  {
    what: 'may create functions in public, as everybody could before PostgreSQL 15',
    rights: () => 'grant create on schema public to public',
    succeeds: plants('public'),
    fault: { role: 'public', is_power: false, what: 'may create functions in the schema public' },
  },
  {
    what: 'may create functions beside ours',
    rights: () => `grant create on schema app to ${login}`,
    async succeeds() {
      await asLogin(
        `create function app.ensure_agent_log_partitions(text, integer) returns text language sql as 'select current_user::text'`,
      )
      // What docs and warnings advise the owner to run.
      const { rows } = await owner.query(
        `select app.ensure_agent_log_partitions('2015-01-01', 1) = current_user::text as is_owner`,
      )
      return rows[0].is_owner === true
    },
    fault: { role: login, is_power: false, what: 'may create functions in the schema app' },
  },
  {
    what: 'was given everything on all tables',
    rights: () => `grant all on all tables in schema public to ${login}`,
    succeeds: runs('truncate api_keys'),
    fault: { role: login, is_power: false, what: 'has TRUNCATE, REFERENCES or TRIGGER on tables' },
  },
  {
    what: 'is given everything on tables to come',
    rights: () => `alter default privileges in schema public grant all on tables to ${login}`,
    async succeeds() {
      await owner.query('create table public.later (); alter table later enable row level security')
      await asLogin('truncate later')
      await owner.query('drop table later')
      return true
    },
    fault: { role: login, is_power: false, what: 'has TRUNCATE, REFERENCES or TRIGGER on tables to come' },
  },
  {
    what: 'may give itself the role of an owner, and no more',
    isSince16: true,
    rights: () =>
      `create role ${group}; alter table sessions owner to ${group}; grant ${group} to ${login} with admin true, inherit false, set false`,
    async succeeds() {
      await asLogin(`grant ${group} to ${login} with set true; set local role ${group}; truncate sessions`)
      return true
    },
    fault: { role: login, bearer: group, acts: true, what: 'owns the table public.sessions' },
  },
  {
    what: 'inherits from an owner that it cannot be',
    isSince16: true,
    rights: () =>
      `create role ${group}; alter table sessions owner to ${group}; grant ${group} to ${login} with inherit true, set false`,
    succeeds: runs('truncate sessions'),
    fault: { role: login, bearer: group, acts: false, what: 'owns the table public.sessions' },
  },
  {
    what: 'may make users service_role',
    rights: () =>
      `grant service_role to ${login} with admin option; ${version < 160000 ? 'alter role authenticated inherit' : ''}`,
    async succeeds() {
      await asLogin(`grant service_role to authenticated ${version >= 160000 ? 'with inherit true' : ''}`)
      return seesOthers()
    },
    fault: { role: login, is_power: false, what: 'may give others the role service_role' },
  },
  {
    what: 'becomes users who are service_role',
    rights: () => inherits('authenticated', 'service_role'),
    succeeds: seesOthers,
    fault: { role: 'authenticated', what: expect.stringContaining('inherits the rights of service_role') },
  },
  {
    what: 'reads statistics of every column',
    rights: () => `grant pg_read_all_data to ${login}`,
    async succeeds() {
      const rows = await asLogin(
        `select stavalues1::text as seen from pg_statistic where starelid = 'public.users'::regclass`,
        'pg_read_all_data',
      )
      return rows.some(({ seen }) => String(seen).includes(other.email))
    },
    fault: { role: login, bearer: 'pg_read_all_data', is_power: true },
  },
  {
    what: 'becomes users who write every column',
    rights: () => inherits('authenticated', 'pg_write_all_data'),
    async succeeds() {
      const rows = await asUser(`update users set role = 'admin' where id = '${mine.id}' returning id`)
      return rows.length === 1
    },
    fault: { role: 'authenticated', bearer: 'pg_write_all_data' },
  },
  {
    what: 'may become a superuser',
    rights: () => `create role ${group} superuser; grant ${group} to ${login}`,
    async succeeds() {
      return (await asLogin('select id from users', group)).length > 1
    },
    fault: { role: login, bearer: group, acts: true, what: 'is a superuser' },
  },
  {
    what: 'runs programs on the server',
    rights: () => `grant pg_execute_server_program to ${login}`,
    succeeds: runs(`set local role pg_execute_server_program; copy (select 1) to program 'cat > /dev/null'`),
    fault: { role: login, bearer: 'pg_execute_server_program', what: 'reaches the files of the database server' },
  },
  {
    what: 'reads files of the server by a function',
    rights: () => `grant execute on function pg_read_binary_file(text) to ${login}`,
    async succeeds() {
      const [row] = await asLogin(`select pg_read_binary_file(pg_relation_filepath('public.users')) as file`)
      return (row as { file: Buffer }).file.includes(other.email)
    },
    fault: { role: login, is_power: false, what: 'reaches the files of the database server' },
  },
]

describe('a login that passes row-level security because it', () => {
  test.for(cases)('$what is found, and mended by the SQL that is advised', async (one, { skip }) => {
    skip(one.isSince16 === true && version < 160000)
    const findFaults = () => findRoleFaults(owner, login, 'postgres')
    await inTransaction(one.rights(), async () => {
      await owner.query('savepoint before')
      expect(await one.succeeds()).toBe(true)
      await owner.query('rollback to savepoint before')
      expect(await findFaults()).toContainEqual(expect.objectContaining(one.fault))
      for (const statement of await adviseServerRole(owner, login, 'postgres')) await owner.query(statement)
      expect(await findFaults()).toEqual([])
      expect(await one.succeeds().catch(() => false)).toBe(false)
    })
  })
})

const harmless = [
  'alter role login_in_transaction createdb',
  'grant pg_monitor, pg_signal_backend, pg_checkpoint to login_in_transaction',
  'grant select, insert, update, delete on all tables in schema public to login_in_transaction',
  'grant create on schema auth, agent_log_partitions to login_in_transaction',
  'create schema others authorization login_in_transaction',
]
const harmlessSince16 = [
  'alter role login_in_transaction createrole',
  'grant anon, authenticated to login_in_transaction with inherit true',
  'create role group_in_transaction',
  'alter table sessions owner to group_in_transaction',
  'grant group_in_transaction to login_in_transaction with inherit false, set false',
  'create role bypassing_in_transaction bypassrls',
  'grant bypassing_in_transaction to login_in_transaction with inherit true, set false',
]

test('a login is accepted with rights that lead to no row of another', async () => {
  const rights = [...harmless, ...(version >= 160000 ? harmlessSince16 : [])].join('; ')
  await inTransaction(rights, async () => {
    expect(await findRoleFaults(owner, login, 'postgres')).toEqual([])
    const tables = ['users', 'agent_logs', 'sessions', 'integrations']
    for (const table of tables) expect(await asLogin(`select from ${table}`), table).toEqual([])
    expect(await asLogin(`update users set role = 'admin' returning id`)).toEqual([])
    await expect(asLogin('truncate sessions')).rejects.toThrow(/permission denied/)
  })
})
