import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { createTestApp, type TestApp } from '../../server/src/testing/test-app.ts'
import { connectForTest, query } from './catalog-queries.ts'

const root = join(import.meta.dirname, '../..')
const text = await readFile(join(root, 'docs/database.md'), 'utf8')

/** `Users` of the document is `users` in the database, `AgentLogs` is `agent_logs`. */
const toTable = (entity: string) => entity.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()

/** Cells of the rows of every table below a heading, up to the next heading of any level; without the head. */
function readRows(heading: string): string[][] {
  const [, after = ''] = text.split(`\n${heading}\n`)
  const [section = ''] = after.split(/\n#{2,3} /)
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  const rows = lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
  return rows.filter((_, at) => !isRule(rows[at]) && !isRule(rows[at + 1]))
}

const isRule = (row: string[] | undefined) => row?.every((cell) => /^-+$/.test(cell)) === true
const code = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, found = '']) => found)

const headings = [...text.matchAll(/^#{2,3} .+$/gm)].map(([heading]) => heading)
const entities = ['Users', 'Agents', 'UserAgents', 'AgentLogs', 'Subscriptions', 'Plans', 'Integrations']

describe('docs/database.md', () => {
  test('names files that are there', () => {
    const paths = code(text).filter((name) => /^[\w.-]+(\/[\w.<>-]+)+\.\w+$/.test(name))
    expect(paths.length).toBeGreaterThan(50)
    expect([...new Set(paths)].filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('names tests that are in the file it says', async () => {
    const missing: string[] = []
    let cited = 0
    for (const [, path = '', names = ''] of text.matchAll(/`([\w./-]+\.(?:test|spec)\.ts)`((?:,? “[^”]+”)+)/g)) {
      const content = await readFile(join(root, path), 'utf8').catch(() => '')
      for (const [, name = ''] of names.matchAll(/“([^”]+)”/g)) {
        cited++
        if (!["'", '"', '`'].some((quote) => content.includes(`${quote}${name}${quote},`)))
          missing.push(`${path}: ${name}`)
      }
    }
    expect(missing).toEqual([])
    expect(cited).toBeGreaterThan(100)
    // None in a form that this test would pass over.
    expect(text.match(/“[^”]+”/g)?.length).toBe(cited)
  })

  test('has a file and a proof for every sentence', () => {
    const rows = headings.flatMap(readRows)
    expect(rows.length).toBeGreaterThan(90)
    for (const row of rows) {
      expect(row.at(-1), row.join(' | ')).toMatch(/`[\w./-]+\.(test|spec)\.ts` “/)
      expect(row.at(-2), row.join(' | ')).toMatch(/`[\w./-]+\.\w+`/)
    }
  })
})

const typeOf: Record<string, string> = {
  UUID: 'uuid',
  TEXT: 'text',
  JSONB: 'jsonb',
  BOOLEAN: 'boolean',
  TIMESTAMP: 'timestamp(6) with time zone',
  DECIMAL: 'numeric(12,2)',
}
const toType = (type: string) => typeOf[type] ?? type.replace('VARCHAR', 'character varying')

interface Column {
  name: string
  type: string
  is_required: boolean
  is_unique: boolean
  key: string[]
  refers_to: string | null
}

const readColumns = (table: string) =>
  query<Column & pg.QueryResultRow>(
    inject('ownerUrl'),
    `select attname::text as name, format_type(atttypid, atttypmod) as type, attnotnull as is_required,
       exists (select from pg_index where indrelid = attrelid and indisunique and not indisprimary and indpred is null
               and indnkeyatts = 1 and indkey[0] = attnum) as is_unique,
       coalesce((select array_agg(k.attname::text order by k.attnum) from pg_index
         join pg_attribute k on k.attrelid = indrelid and k.attnum = any(indkey)
         where indrelid = a.attrelid and indisprimary and a.attnum = any(indkey)), '{}') as key,
       (select confrelid::regclass::text from pg_constraint
        where conrelid = attrelid and contype = 'f' and conkey = array[attnum]) as refers_to
     from pg_attribute a where attrelid = format('public.%I', $1::text)::regclass and attnum > 0 and not attisdropped`,
    [table],
  )

/** As the page writes it. */
function describeColumn({ type, is_required, is_unique, key, refers_to }: Column): string {
  return [
    `\`${type}\``,
    key.length > 0 && (key.length === 1 ? 'primary key' : `primary key (${key.join(', ')})`),
    is_unique && 'unique',
    is_required && key.length === 0 && 'not null',
    refers_to && `references \`${refers_to}\``,
  ]
    .filter(Boolean)
    .join(', ')
}

describe.each(entities)('the table %s of the page', (entity) => {
  test('is that of the database: columns, types, keys, what they refer to', async () => {
    const columns = new Map((await readColumns(toTable(entity))).map((column) => [column.name, column]))
    const rows = readRows(`### ${entity}`).filter(([, type = '']) => /^[A-Z]+(\(\d+\))?$/.test(type))
    expect(rows.length).toBeGreaterThanOrEqual(7)
    for (const [name = '', type = '', description = '', present] of rows) {
      const column = columns.get(name)
      expect(column?.type, name).toBe(toType(type))
      expect(column && describeColumn(column), name).toBe(present)
      const [, referred] = /^Foreign key to (\w+)$/.exec(description) ?? []
      expect(column?.refers_to ?? null, name).toBe(referred ? toTable(referred) : null)
      if (description === 'Primary key') expect(column?.key, name).toContain('id')
      if (description.endsWith('(unique)')) expect(column?.is_unique, name).toBe(true)
    }
  })

  test('has the columns of its box in the diagram', async () => {
    const names = (await readColumns(toTable(entity))).map(({ name }) => name)
    const [, box = ''] = readRows('## Entity Relationship Diagram').find(([name]) => name === entity) ?? []
    expect(box.split(', ').length).toBeGreaterThan(5)
    expect(names).toEqual(expect.arrayContaining(box.split(', ')))
  })
})

test('the indexes of the page are those of the database, each beginning with its column', async () => {
  const rows = readRows('## Indexes')
  expect(rows).toHaveLength(5)
  for (const [sentence = '', , indexes = ''] of rows) {
    const [entity = '', columns = ''] = sentence.split(': ')
    const found = await query<{ name: string; column: string; is_unique: boolean; is_partial: boolean }>(
      inject('ownerUrl'),
      `select indexrelid::regclass::text as name, attname::text as column, indisunique as is_unique, indpred is not null as is_partial
       from pg_index join pg_attribute on attrelid = indrelid and attnum = indkey[0]
       where indrelid = format('public.%I', $1::text)::regclass and indisvalid`,
      [toTable(entity)],
    )
    const wanted = columns.split(', ')
    const names = code(indexes).filter((name) => !name.includes('/'))
    expect(names, sentence).toHaveLength(wanted.length)
    for (const [at, column] of wanted.entries()) {
      const is_unique = column.endsWith(' (unique)')
      expect(found, sentence).toContainEqual({
        name: names[at],
        column: column.replace(' (unique)', ''),
        is_unique,
        is_partial: false,
      })
    }
  }
})

test('the relationships of the page are foreign keys of the database, and a parent may have many', async () => {
  const rows = readRows('## Relationships')
  expect(rows).toHaveLength(7)
  for (const [sentence = '', , column = ''] of rows) {
    const [, parent = '', child = ''] = /^(\w+) to (\w+): One-to-Many$/.exec(sentence) ?? []
    const [name] = code(column)
    const found = (await readColumns(toTable(child))).find((one) => `${toTable(child)}.${one.name}` === name)
    expect(found?.refers_to, sentence).toBe(toTable(parent))
    expect(found?.is_unique, sentence).toBe(false)
  }
})

const [user, agent, plan, userAgent] = [createId(), createId(), createId(), createId()]
const log = (id: string, of: { user_id?: string; agent_id?: string }) =>
  `insert into agent_logs (id, user_id, agent_id, conversation_id, "timestamp", input, status, source)
   values ('${id}', '${of.user_id ?? user}', '${of.agent_id ?? agent}', '${id}', now(), 'i', 'succeeded', 'api')`
const subscription = (id: string, { status = 'active', end = 'null', user_id = user, plan_id = plan } = {}) =>
  `insert into subscriptions (id, user_id, plan_id, status, start_date, end_date)
   values ('${id}', '${user_id}', '${plan_id}', '${status}', '2026-11-01', ${end})`
const link = (id: string, { user_id = user, agent_id = agent } = {}) =>
  `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${id}', '${user_id}', '${agent_id}', 1, 'U')`
const connected = (id: string, user_agent_id: string) =>
  `insert into integrations (id, user_agent_id, type) values ('${id}', '${user_agent_id}', 'imap')`

/** Rows of all tables in a transaction that is never committed; half a year back, so that a change can be told from it. */
async function fillForTest(): Promise<pg.Client> {
  const client = await connectForTest(inject('ownerUrl'))
  await client.query('begin')
  for (const statement of [
    `insert into users (id, email, created_at, updated_at) values ('${user}', '${user}@example.test', '2026-05-01', '2026-05-01')`,
    `insert into agents (id, name, description, type, capabilities, creator_id) values ('${agent}', 'A', 'D', 'social', '{}', '${user}')`,
    `insert into agent_versions (agent_id, version, name, description, capabilities) values ('${agent}', 1, 'A', 'D', '{}')`,
    `insert into plans (id, name, description, price) values ('${plan}', 'P', 'D', 19.99)`,
    link(userAgent),
    subscription(createId()),
    connected(createId(), userAgent),
    log(createId(), {}),
  ])
    await client.query(statement)
  return client
}

/** SQLSTATE of a statement, or how many rows it wrote; undone. */
async function attempt(client: pg.Client, statement: string): Promise<string | number | null> {
  await client.query('savepoint attempt')
  const outcome = await client.query(statement).then(
    ({ rowCount }) => rowCount,
    (error: { code?: string }) => error.code ?? 'error',
  )
  await client.query('rollback to savepoint attempt')
  return outcome
}

describe('a row', () => {
  test.each(['users', 'agents', 'user_agents', 'subscriptions', 'plans', 'integrations'])(
    'of %s says when it was made and when it was last changed, which a change cannot forge',
    async (table) => {
      const client = await fillForTest()
      await client.query(`alter table ${table} disable trigger user`)
      await client.query(`update ${table} set created_at = '2026-05-01', updated_at = '2026-05-01'`)
      await client.query(`alter table ${table} enable trigger user`)
      await client.query(`update ${table} set updated_at = '2001-01-01'`)
      const { rows } = await client.query(
        `select distinct created_at = '2026-05-01' as is_kept, updated_at = now() as is_set from ${table}`,
      )
      expect(rows).toEqual([{ is_kept: true, is_set: true }])
      const fresh = await client.query(
        `select count(*)::int as missing from information_schema.columns where table_schema = 'public' and table_name = $1
           and column_name in ('created_at', 'updated_at') and (column_default is distinct from 'now()' or is_nullable <> 'NO')`,
        [table],
      )
      expect(fresh.rows).toEqual([{ missing: 0 }])
    },
  )

  const tooLong = (length: number) => 'x'.repeat(length + 1)
  test.each<[string, string, string]>([
    ['a role that is none', `update users set role = 'root'`, '23514'],
    [
      'an e-mail that another account has',
      `insert into users (id, email) values (gen_random_uuid(), '${user}@example.test')`,
      '23505',
    ],
    [
      'a second spelling of an e-mail',
      `insert into users (id, email) values (gen_random_uuid(), 'ADA@example.test')`,
      '23514',
    ],
    ['a first name that is too long', `update users set first_name = '${tooLong(100)}'`, '22001'],
    ['an avatar address that is too long', `update users set avatar_url = '${tooLong(255)}'`, '22001'],
    ['an agent name that is too long', `update agents set name = '${tooLong(100)}', version = version + 1`, '22001'],
    ['capabilities that are no object', `update agents set capabilities = '[]', version = version + 1`, '23514'],
    ['settings that are no object', `update user_agents set settings = '[]'`, '23514'],
    ['integration settings that are no object', `update integrations set settings = '3'`, '23514'],
    ['an integration type that is too long', `update integrations set type = '${tooLong(50)}'`, '22001'],
    ['features that are no object', `update plans set features = '"all"'`, '23514'],
    ['a price below nothing', 'update plans set price = -0.01', '23514'],
    ['a price beyond the column', 'update plans set price = 10000000000', '22003'],
    ['a subscription status that is none', subscription(createId(), { status: 'free' }), '23514'],
    ['a subscription that ends before it starts', subscription(createId(), { end: `'2026-10-31'` }), '23514'],
    [
      'an id a second time',
      `insert into plans (id, name, description, price) values ('${plan}', 'P', 'D', 1)`,
      '23505',
    ],
  ])('refuses %s', async (_what, statement, sqlstate) => {
    expect(await attempt(await fillForTest(), statement)).toBe(sqlstate)
  })

  test('has a price that is exact, a switch that is on, and JSON that is empty until somebody fills it', async () => {
    const client = await fillForTest()
    const { rows } = await client.query(
      `select price, features, (select is_active from user_agents where id = $1) as is_active, (select settings from user_agents where id = $1) as settings,
         (select is_public from agents where id = $2) as is_public from plans where id = $3`,
      [userAgent, agent, plan],
    )
    expect(rows).toEqual([{ price: '19.99', features: {}, is_active: true, settings: {}, is_public: false }])
  })

  test.each<[string, (id: string) => string, (id: string, parent: string) => string]>([
    ['user agents of a user', (id) => link(id), (id, user_id) => link(id, { user_id })],
    ['user agents of an agent', (id) => link(id), (id, agent_id) => link(id, { agent_id })],
    ['subscriptions of a user', (id) => subscription(id), (id, user_id) => subscription(id, { user_id })],
    ['subscriptions of a plan', (id) => subscription(id), (id, plan_id) => subscription(id, { plan_id })],
    ['integrations of a user agent', (id) => connected(id, userAgent), connected],
    ['logs of a user', (id) => log(id, {}), (id, user_id) => log(id, { user_id })],
    ['logs of an agent', (id) => log(id, {}), (id, agent_id) => log(id, { agent_id })],
  ])('may be one of many %s, and never of one that is not there', async (_what, another, orphan) => {
    const client = await fillForTest()
    expect(await attempt(client, `${another(createId())}`)).toBe(1)
    await client.query(another(createId()))
    await client.query(another(createId()))
    // The trigger that looks whether a version of the agent can be seen answers before the foreign key does.
    await client.query('alter table user_agents disable trigger user_agents_check_version_on_insert')
    expect(await attempt(client, orphan(createId(), createId()))).toBe('23503')
  })
})

describe('what must not be read', () => {
  let testApp: TestApp
  beforeAll(async () => {
    testApp = await createTestApp()
  })
  afterAll(() => testApp.close())

  test('a password is nowhere in the database, from signing up to changing it; a hash is', async () => {
    const [first, second] = [`first ${createId()}`, `second ${createId()}`]
    const email = `${createId()}@example.test`
    const signedUp = await testApp.app.inject({
      method: 'POST',
      url: '/api/v1/auth/sign-up',
      payload: { email, password: first },
    })
    expect(signedUp.statusCode).toBe(201)
    const changed = await testApp.app.inject({
      method: 'POST',
      url: '/api/v1/me/password',
      headers: { authorization: `Bearer ${signedUp.json().access_token}` },
      payload: { current_password: first, new_password: second },
    })
    expect(changed.statusCode).toBe(204)
    const tables = await query<{ name: string }>(
      testApp.ownerUrl,
      `select oid::regclass::text as name from pg_class where relkind in ('r', 'p') and relnamespace::regnamespace::text in ('public', 'app')`,
    )
    const everything: string[] = []
    for (const { name } of tables) {
      const rows = await query<{ row: string }>(testApp.ownerUrl, `select t::text as row from ${name} t`)
      everything.push(...rows.map(({ row }) => row))
    }
    expect(everything.some((row) => row.includes(email))).toBe(true)
    expect(everything.filter((row) => row.includes(first) || row.includes(second))).toEqual([])
    const [account] = await query<{ password: string }>(
      testApp.ownerUrl,
      'select password from users where email = $1',
      [email],
    )
    expect(account?.password).toMatch(/^\$argon2id\$v=19\$/)
  })
})
