import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import type { Services } from '../../server/src/app.ts'
import { insertWaitingRun } from '../../server/src/approvals/waiting-run-testing.ts'
import { signUpForTest, type TestSession } from '../../server/src/auth/test-sessions.ts'
import { registerKeys } from '../../server/src/crypto/key-registry.ts'
import type { EmbeddedPostgres } from '../../server/src/database/embedded.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import type { App } from '../../server/src/http/app-types.ts'
import { queueDeliveries } from '../../server/src/integrations/deliveries/delivery-queries.ts'
import { createMemory } from '../../server/src/memories/memory-queries.ts'
import { createTestPlan } from '../../server/src/plans/plan-testing.ts'
import { exampleAgent } from '../../server/src/testing/agent-fixtures.ts'
import { createTestApp, type TestApp } from '../../server/src/testing/test-app.ts'
import { query } from './catalog-queries.ts'
import {
  createSupabaseProject,
  openOnSupabase,
  queryAsPostgrest,
  type SupabaseProject,
  startSupabaseCluster,
} from './supabase-testing.ts'
import { type Row, type ToldRow, toldTables, untoldTables, type Viewer, yesterday } from './told-by-api.ts'

// A leak that shows every second time is a leak: here nothing is tried again.
const once = { retry: 0 }

let cluster: EmbeddedPostgres
// Only its services, such as keys, are of use here; the database is another one.
let plain: TestApp
let project: SupabaseProject
let site: { app: App; services: Services; close(): Promise<void> }
let people: Record<'admin' | 'creator' | 'mine' | 'other' | 'suspended', TestSession>
let viewers: Viewer[]
/** By role and table, what can be read. */
let readable: Map<string, string[]>

beforeAll(async () => {
  cluster = await startSupabaseCluster()
  plain = await createTestApp()
  project = await createSupabaseProject(cluster, 'project_owner_without_bypass')
  site = await openOnSupabase(plain, project)
  const signUp = () => signUpForTest({ ...plain, app: site.app })
  const admin = await signUp() // The very first becomes admin.
  const [creator, mine, other, suspended] = await Promise.all([signUp(), signUp(), signUp(), signUp()])
  people = { admin, creator, mine, other, suspended }
  await fill()
  viewers = [
    { name: 'nobody signed in', id: null, isAdmin: false, get: createReader({}) },
    ...Object.entries({ mine, other, creator, admin }).map(([name, who]) => {
      return { name, id: who.id, isAdmin: who === admin, get: createReader(who.headers) }
    }),
  ]
  const rows = await query<{ role: string; name: string; columns: string[] }>(
    project.ownerUrl,
    `select r as role, c.relname as name, array_agg(a.attname::text) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped,
     unnest(array['anon', 'authenticated']) r
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and has_column_privilege(r, c.oid, a.attnum, 'select') group by 1, 2`,
  )
  readable = new Map(rows.map(({ role, name, columns }) => [`${role} ${name}`, columns]))
})
afterAll(async () => {
  await site?.close()
  await plain?.close()
  await cluster?.stop()
})

/** Each path once: once everything is there, nothing changes any more. */
function createReader(headers: object): Viewer['get'] {
  const answers = new Map<string, Promise<Row>>()
  const read = async (path: string) => {
    const response = await site.app.inject({ url: `/api/v1${path}`, headers: { ...headers } })
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.body}`)
    return response.json<Row>()
  }
  return (path) => {
    const answer = answers.get(path) ?? read(path)
    answers.set(path, answer)
    return answer
  }
}

async function send(who: TestSession, method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, payload?: object) {
  const url = `/api/v1${path}`
  const response = await site.app.inject({ method, url, headers: who.headers, ...(payload && { payload }) })
  if (response.statusCode >= 300) throw new Error(`${path}: ${response.body}`)
  return response.body === '' ? {} : response.json()
}

/** Something in every table, of one person and of another, by way of the API wherever it can be. */
async function fill(): Promise<void> {
  const { admin, creator, mine, other, suspended } = people
  const { database, keyring } = site.services
  const { kid } = await keyring.current()
  await database.asSystem('a test remembers its key', (tx) => registerKeys(tx, [kid]))
  const publish = async (change: object) => {
    const { id } = await send(creator, 'POST', '/agents', exampleAgent(change))
    await send(creator, 'POST', `/agents/${id}/publication`)
    await send(admin, 'POST', `/admin/agents/${id}/publication`, { decision: 'publish' })
    return id as string
  }
  const [shared] = [await publish({ name: 'Shared' }), await publish({ name: 'Public' })]
  for (const who of [mine, other]) await fillAgentsOf(who, shared)
  // Withdrawn by this change until an admin nods again, though others go on with the version they chose.
  await send(creator, 'PATCH', `/agents/${shared}`, { description: 'Answers better.' })
  await fillPlans()
  await database.asSystem('a test prepares rows', async (tx) => {
    for (const who of [mine, other]) {
      const runs = who === mine ? 4 : 3
      await sql`insert into usage_months (user_id, month, runs, input_tokens, output_tokens, cost_usd, reserved_cost_usd)
        values (${who.id}, date_trunc('month', now() at time zone 'UTC')::date, ${runs}, 10, 20, 0.5, 0.1)
        on conflict (user_id, month) do update set runs = excluded.runs`.execute(tx)
      await sql`insert into usage_hours (user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled,
          interrupted, input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs)
        select user_id, ${yesterday.from}::timestamptz + interval '9 hours', agent_id, id, 'api', 'm', ${runs}::integer, ${runs}::integer, 0, 0, 0, 5, 6, 0.25, 1, 700, 1
        from user_agents where user_id = ${who.id} limit 1`.execute(tx)
    }
    await sql`insert into limit_warnings (user_id, month, limit_name, threshold, limit_value)
      values (${mine.id}, date_trunc('month', now() at time zone 'UTC')::date, 'runs_per_month', 80, 5)`.execute(tx)
    await sql`update users set suspended_at = now() where id = ${suspended.id}`.execute(tx)
  })
}

async function fillAgentsOf(who: TestSession, shared: string): Promise<void> {
  const { database } = site.services
  const settings = { business_name: 'Lamp & Co' }
  const own = await send(who, 'POST', '/agents', exampleAgent({ name: 'Own' }))
  await send(who, 'PATCH', `/agents/${own.id}`, { description: 'Another version.', change_summary: 'Better.' })
  if (who === people.other) await send(who, 'POST', `/agents/${own.id}/publication`)
  const { id: userAgentId } = await send(who, 'POST', '/user-agents', { agent_id: shared, settings })
  await send(who, 'POST', '/user-agents', { agent_id: own.id, settings })
  await send(who, 'POST', '/api-keys', { name: 'k' })
  const { id: revoked } = await send(who, 'POST', '/api-keys', { name: 'old' })
  await send(who, 'DELETE', `/api-keys/${revoked}`)
  await send(who, 'PATCH', '/me', { first_name: 'Ada', cost_cap_usd: '25.00' })
  const integration = await send(who, 'POST', `/user-agents/${userAgentId}/integrations`, {
    type: 'webhook',
    settings: { url: 'http://127.0.0.1:9/' },
  })
  const about = { user_id: who.id, agent_id: shared, user_agent_id: userAgentId }
  const metadata = { steps: [], citations: [], finish_reason: 'stop' }
  const log_id = await insertTestLog(database, { ...about, metadata, cost_usd: '0.00012345', input_tokens: 5 })
  await insertWaitingRun(database, { userId: who.id, userAgentId })
  await database.withUser({ sub: who.id, user_role: 'user' }, async (tx) => {
    const message = { integration_id: integration.id, user_id: who.id, log_id, event: 'run.ended', payload: '{}' }
    await queueDeliveries(tx, [message])
    await createMemory(tx, { id: createId(), userId: who.id, userAgentId, content: 'A fact', isUntrusted: true })
    await sql`insert into idempotency_keys (user_id, key, request_hash, log_id, log_timestamp)
      values (${who.id}, 'once', '\\x00', ${log_id}, now())`.execute(tx)
  })
}

/** Of every kind of plan one: for all, offered to one, to nobody, had before, archived, the default that is not shown. */
async function fillPlans(): Promise<void> {
  const { admin, mine, other } = people
  const { database } = site.services
  const make = async (change: object) => (await createTestPlan({ database }, change)).id
  const [forAll, offered, former, given] = [
    await make({ name: 'For all', price: '9.00' }),
    await make({ name: 'Offered', is_public: false }),
    await make({ name: 'Former', is_public: false }),
    await make({ name: 'Given', is_public: false, limits: { runs_per_month: 5 } }),
  ]
  await make({ name: 'Of nobody', is_public: false })
  const archived = await make({ name: 'Archived' })
  await send(admin, 'PUT', `/admin/plans/${offered}/offers/${mine.id}`)
  for (const plan_id of [former, given])
    await send(admin, 'PUT', `/admin/users/${mine.id}/subscription`, { plan_id, source: 'comp', reason: 'Agreed.' })
  for (const id of [former, archived]) await send(admin, 'POST', `/admin/plans/${id}/archive`)
  await make({ name: 'Default', is_public: false, is_default: true })
  for (const who of [mine, other]) {
    const asked = { plan_id: forAll, billing_interval: 'month', message: 'Please.' }
    const { request } = await send(who, 'POST', '/me/subscription', asked)
    if (who === mine) await send(admin, 'POST', `/admin/plan-requests/${request.id}/refuse`, { answer: 'Not yet.' })
  }
}

async function see(viewer: Viewer, table: string): Promise<Row[]> {
  const names = readable.get(`${roleOf(viewer)} ${table}`)?.map((name) => `"${name}"`)
  return names ? ask(viewer, `select ${names.join(', ')} from ${table}`) : []
}

function ask(viewer: Viewer, text: string): Promise<Row[]> {
  const { id, isAdmin } = viewer
  const claims = { role: roleOf(viewer), ...(id !== null && { sub: id }), ...(isAdmin && { user_role: 'admin' }) }
  return queryAsPostgrest(project.postgrestUrl, claims, text)
}

const roleOf = ({ id }: Viewer) => (id === null ? 'anon' : 'authenticated')
const canRead = (viewer: Viewer, table: string) => readable.has(`${roleOf(viewer)} ${table}`)

function sortByKey(rows: Row[], key: readonly string[]): Map<string, Row> {
  return new Map(rows.map((row) => [key.map((name) => String(row[name])).join(' '), row]))
}

/** As the answer writes it: moments as text, and decimals as a number where it gives one. */
function asTold(seen: unknown, told: unknown): unknown {
  if (seen instanceof Date) return seen.toISOString()
  return typeof told === 'number' && typeof seen === 'string' ? Number(seen) : seen
}

describe('PostgREST shows what the API tells, rows and columns', once, () => {
  test('of every table that its roles can read', () => {
    const known = [...Object.keys(toldTables), ...Object.keys(untoldTables)]
    expect([...new Set([...readable.keys()].map((key) => key.split(' ')[1]))].sort()).toEqual(known.sort())
  })

  test.each(Object.entries(toldTables))('%s', async (table, { key = ['id'], tell, untold = {}, read = {} }) => {
    let rows = 0
    const compared = new Set<string>()
    const compare = async (viewer: Viewer) => {
      const [stored, answers] = await Promise.all([see(viewer, table), tell(viewer)])
      const seen = stored.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, read[name]?.(value) ?? value])),
      )
      const tells = new Map<string, ToldRow>()
      for (const { row, ...more } of answers) {
        // What is one's own is told without saying whose it is.
        const whole = { user_id: viewer.id, ...row }
        const [place = ''] = sortByKey([whole], key).keys()
        if (!tells.has(place)) tells.set(place, { row: whole, ...more })
      }
      const seenByKey = sortByKey(seen.map(withTexts), key)
      expect([...seenByKey.keys()].sort(), viewer.name).toEqual([...tells.keys()].sort())
      rows += seen.length
      for (const [place, row] of seenByKey) {
        const told = tells.get(place)
        for (const [name, value] of Object.entries(row)) {
          const isTold = told !== undefined && Object.hasOwn(told.row, name) && told.row[name] !== undefined
          if (!isTold && (told?.partly || untold[name])) continue
          expect(isTold, `${viewer.name}: ${table}.${name} is told`).toBe(true)
          expect(asTold(value, told?.row[name]), `${viewer.name}: ${table}.${name}`).toEqual(told?.row[name])
          compared.add(name)
        }
      }
    }
    await Promise.all(viewers.filter((viewer) => canRead(viewer, table)).map(compare))
    expect(rows).toBeGreaterThan(0)
    // Each column was compared for somebody, or stands in the list of those that are not told.
    const columns = readable.get(`authenticated ${table}`) ?? []
    expect(columns.filter((name) => !compared.has(name) && !untold[name])).toEqual([])
  })

  test.each(Object.entries(untoldTables))('%s, which no answer tells of', async (table, { columns }) => {
    expect(readable.get(`authenticated ${table}`)?.sort()).toEqual(columns.split(' ').sort())
    expect(readable.get(`anon ${table}`)).toBeUndefined()
    let rows = 0
    for (const viewer of viewers.filter(({ id }) => id !== null)) {
      const seen = await see(viewer, table)
      rows += seen.length
      if (columns.split(' ').includes('user_id')) for (const row of seen) expect(row.user_id).toBe(viewer.id)
      else expect(seen).toHaveLength(1)
    }
    expect(rows).toBeGreaterThan(0)
  })

  test('nothing of any table to whoever is suspended, as the API', async () => {
    const { suspended } = people
    const { statusCode } = await site.app.inject({ url: '/api/v1/me', headers: suspended.headers })
    expect(statusCode).toBe(403)
    const counts = [...Object.keys(toldTables), ...Object.keys(untoldTables)]
      .map((table) => `select '${table}' as name, count(*) as rows from ${table}`)
      .join(' union all ')
    for (const isAdmin of [false, true]) {
      const rows = await ask({ name: 'suspended', id: suspended.id, isAdmin, get: async () => ({}) }, counts)
      expect(rows.filter((row) => row.rows !== 0)).toEqual([])
      expect(rows.length).toBeGreaterThan(20)
    }
  })

  test('a plan to those it is for, and to nobody else', async () => {
    const names = async (viewer: Viewer) => (await see(viewer, 'plans')).map(({ name }) => name).sort()
    const [anonymous, mine, other] = await Promise.all(viewers.slice(0, 3).map(names))
    expect(anonymous).toEqual(['For all'])
    expect(mine).toEqual(['For all', 'Former', 'Given', 'Offered'])
    expect(other).toEqual(['Default', 'For all'])
  })
})

/** With the moments as text, as keys have them. */
function withTexts(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]),
  )
}
