import { CompiledQuery } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import type { Tx } from '../../server/src/database/database.ts'
import { createId, createIdWithTime } from '../../server/src/database/uuid-v7.ts'
import { AppError } from '../../server/src/errors.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../../server/src/testing/test-app.ts'
import { query } from './catalog-queries.ts'

const actors = ['other', 'anonymous', 'admin', 'owner'] as const
type Actor = (typeof actors)[number]
/** The owner, and an admin, whose account was suspended while their token goes on being valid. */
const suspendedActors = ['suspended owner', 'suspended admin'] as const
type SuspendedActor = (typeof suspendedActors)[number]
type PastActor = 'owner past the server' | 'admin past the server'
const commands = ['select', 'insert', 'update', 'delete'] as const
type Command = (typeof commands)[number]
/**
 * Rows that were read or changed; `denied` when PostgreSQL refuses the statement (SQLSTATE 42501); `referenced` when
 * policies allow it and a foreign key does not.
 */
type Outcome = number | 'denied' | 'referenced'

// A leak that shows every second time is a leak: here nothing is tried again.
const once = { retry: 0 }

let testDatabase: TestDatabase
const people = {} as Record<'owner' | 'other' | 'admin', TestUser>
const ids = {} as Record<
  | 'agent'
  | 'publicAgent'
  | 'waitingAgent'
  | 'userAgent'
  | 'integration'
  | 'plan'
  | 'subscription'
  | 'session'
  | 'apiKey'
  | 'log'
  | 'node'
  | 'approval'
  | 'memory'
  | 'delivery'
  | 'hiddenPlan'
  | 'defaultPlan'
  | 'event'
  | 'request'
  | 'reconciliation',
  string
>
const fresh = () => createId()
const usageNumbers = [
  'runs',
  'succeeded',
  'failed',
  'cancelled',
  'interrupted',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'unpriced_runs',
  'latency_ms',
  'timed_runs',
]
const encryptionKeyId = 'A'.repeat(43)
const sealed = JSON.stringify({ protected: 'e30', iv: 'x', ciphertext: 'x', tag: 'x', aad: 'x' })
const bytes = (text: string) => `'\\x${Buffer.from(text).toString('hex')}'`

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { database, createUser } = testDatabase
  people.owner = await createUser()
  people.other = await createUser()
  people.admin = await createUser('admin')
  ids.log = await insertTestLog(database, { user_id: people.owner.id })
  for (const name of [
    'agent',
    'publicAgent',
    'waitingAgent',
    'userAgent',
    'integration',
    'plan',
    'subscription',
    'session',
    'apiKey',
    'node',
    'approval',
    'memory',
    'delivery',
    'hiddenPlan',
    'defaultPlan',
    'event',
    'request',
    'reconciliation',
  ] as const)
    ids[name] = fresh()
  const { owner } = people
  const agent = (id: string, isPublic: boolean, requested: string) => `
    insert into agents (id, name, description, type, capabilities, creator_id, is_public, publication_requested_at)
      values ('${id}', 'A', 'D', 'customer', '{}', '${owner.id}', ${isPublic}, ${requested});
    insert into agent_versions (agent_id, version, name, description, capabilities) values ('${id}', 1, 'A', 'D', '{}')`
  await asSystem(`
    ${agent(ids.agent, false, 'null')};
    ${agent(ids.publicAgent, true, 'null')};
    ${agent(ids.waitingAgent, false, 'now()')};
    update agents set version = 2 where id = '${ids.waitingAgent}';
    insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${ids.userAgent}', '${owner.id}', '${ids.agent}', 1, 'U');
    insert into encryption_keys (id) values ('${encryptionKeyId}');
    insert into integrations (id, user_agent_id, type, credentials, credentials_key_id) values ('${ids.integration}', '${ids.userAgent}', 'imap', '${sealed}', '${encryptionKeyId}');
    insert into approvals (id, user_id, user_agent_id, log_id, log_timestamp, integration_id, tool_call_id, tool, title, description, input, reason, expires_at) values ('${ids.approval}', '${owner.id}', '${ids.userAgent}', '${ids.log}', now(), '${ids.integration}', 'c', 'imap__send', 'T', 'D', '{}', 'writes', now());
    insert into waiting_runs (log_id, log_timestamp, user_id, user_agent_id, state, expires_at) values ('${ids.log}', now(), '${owner.id}', '${ids.userAgent}', '{}', now());
    insert into memories (id, user_id, user_agent_id, content, is_untrusted) values ('${ids.memory}', '${owner.id}', '${ids.userAgent}', 'M', false);
    insert into webhook_deliveries (id, integration_id, user_id, event, payload) values ('${ids.delivery}', '${ids.integration}', '${owner.id}', 'run.ended', '{}');
    insert into plans (id, name, description, price) values ('${ids.plan}', 'P', 'D', 5);
    insert into plans (id, name, description, price, is_public) values ('${ids.hiddenPlan}', 'H', 'D', 5, false);
    insert into plans (id, name, description, price, is_public, is_default) values ('${ids.defaultPlan}', 'F', 'D', 0, false, true);
    insert into plan_offers (plan_id, user_id) values ('${ids.hiddenPlan}', '${owner.id}');
    insert into subscriptions (id, user_id, plan_id, status, start_date, is_current) values ('${ids.subscription}', '${owner.id}', '${ids.plan}', 'active', now(), true);
    insert into subscription_events (id, subscription_id, user_id, type, to_status, to_plan_id) values ('${ids.event}', '${ids.subscription}', '${owner.id}', 'begun', 'active', '${ids.plan}');
    insert into plan_requests (id, user_id, plan_id) values ('${ids.request}', '${owner.id}', '${ids.plan}');
    insert into usage_months (user_id, month) values ('${owner.id}', '2026-11-01');
    insert into run_reservations (log_id, user_id, month, cost_usd) values ('${ids.log}', '${owner.id}', '2026-11-01', 0);
    insert into limit_warnings (user_id, month, limit_name, threshold) values ('${owner.id}', '2026-11-01', 'runs_per_month', 80);
    insert into usage_reconciliations (id, month, users) values ('${ids.reconciliation}', '2026-11-01', 1);
    insert into model_prices (model, input_usd, output_usd) values ('m', 1, 2);
    select app.record_audit('${people.admin.id}', 'user.suspend', 'user', '${owner.id}', '{}');
    insert into stripe_customers (user_id, customer_id) values ('${owner.id}', 'cus_1');
    insert into stripe_prices (price_id, product_id, plan_id, billing_interval, amount_cents, currency) values ('price_1', 'prod_1', '${ids.plan}', 'month', 500, 'USD');
    insert into stripe_events (id, type, object_id, created_at) values ('evt_1', 'invoice.paid', 'in_1', now());
    insert into sessions (id, user_id, refresh_token_hash, expires_at) values ('${ids.session}', '${owner.id}', ${bytes('r')}, now());
    insert into api_keys (id, user_id, name, prefix, key_hash) values ('${ids.apiKey}', '${owner.id}', 'K', 'ax_1', ${bytes('k')});
    insert into idempotency_keys (user_id, key, request_hash, log_id, log_timestamp) values ('${owner.id}', 'once', ${bytes('h')}, '${ids.log}', now());
    insert into usage_hours (user_id, hour, source, ${usageNumbers.join(', ')})
      values ('${owner.id}', '2026-11-01 09:00:00+00', 'api', ${usageNumbers.map(() => 1).join(', ')});
    insert into installation (name, value) values ('n', '1');
    insert into server_nodes (id) values ('${ids.node}');
    insert into sign_in_attempts (key_hash, failures, window_start) values (${bytes('a')}, 1, now());
    insert into account_deletions (user_id) values ('${ids.node}')`)
})
afterAll(() => testDatabase.close())

async function asSystem(statements: string): Promise<void> {
  await testDatabase.database.asSystem('a test prepares rows', async (tx) => {
    for (const statement of statements.split(';\n')) await tx.executeQuery(CompiledQuery.raw(statement))
  })
}

class Undo extends Error {
  readonly rows: number
  constructor(rows: number) {
    super('undo')
    this.rows = rows
  }
}

/** As PostgREST does, without the server's word that it has looked at the account. */
async function enterDirectly(tx: Tx, claims: object): Promise<void> {
  const json = JSON.stringify({ ...claims, role: 'authenticated' })
  await tx.executeQuery(CompiledQuery.raw('set local role authenticated'))
  await tx.executeQuery(CompiledQuery.raw(`select set_config('request.jwt.claims', '${json}', true)`))
}

function enter(actor: Actor | SuspendedActor | PastActor, work: (tx: Tx) => Promise<never>): Promise<never> {
  if (actor === 'owner past the server' || actor === 'admin past the server') {
    const { claims } = actor === 'owner past the server' ? people.owner : people.admin
    return testDatabase.database.asSystem('a test takes the way of PostgREST', async (tx) => {
      await enterDirectly(tx, claims)
      return await work(tx)
    })
  }
  if (actor === 'suspended owner' || actor === 'suspended admin') {
    const { claims } = actor === 'suspended owner' ? people.owner : people.admin
    return testDatabase.database.asSystem('a test suspends somebody for one statement', async (tx) => {
      await tx.updateTable('users').set({ suspended_at: new Date() }).where('id', '=', claims.sub).execute()
      await enterDirectly(tx, claims)
      return await work(tx)
    })
  }
  return actor === 'anonymous'
    ? testDatabase.database.asAnonymous(work)
    : testDatabase.database.withUser(people[actor].claims, work)
}

/** What a statement does as this person; it is always undone. */
async function attempt(actor: Actor | SuspendedActor | PastActor, statement: string): Promise<Outcome> {
  try {
    return await enter(actor, async (tx) => {
      const { rows, numAffectedRows } = await tx.executeQuery(CompiledQuery.raw(statement))
      throw new Undo(rows.length > 0 ? rows.length : Number(numAffectedRows ?? 0))
    })
  } catch (error) {
    if (error instanceof Undo) return error.rows
    if (error instanceof AppError && error.code === 'forbidden') return 'denied'
    if ((error as { code?: string }).code === '23503') return 'referenced'
    throw error
  }
}

interface Case {
  name: string
  /** Finds the owner's row. */
  where: () => string
  /** Columns and values of another row in the owner's name. */
  insert: () => Record<string, string>
  update: string
  column?: string
  expected: Record<Command, Record<Actor, Outcome>>
  /** What only the server does for them: past it, as through PostgREST, they are refused. */
  leftToServer?: Command[]
}

const nobody = { other: 'denied', anonymous: 'denied', admin: 'denied', owner: 'denied' } as const
const ownerOnly = { other: 0, anonymous: 'denied', admin: 0, owner: 1 } as const
const writtenByOwner = { ...nobody, owner: 1 } as const
const owned = { select: ownerOnly, insert: writtenByOwner, update: ownerOnly, delete: ownerOnly }
const serverOnly = { select: nobody, insert: nobody, update: nobody, delete: nobody }
const q = (text: string) => `'${text}'`
const owner = () => q(people.owner.id)

const cases: Case[] = [
  {
    name: 'users',
    where: () => `id = ${owner()}`,
    insert: () => ({ id: q(fresh()), email: `'new@example.test'`, role: `'admin'` }),
    update: `first_name = 'X'`,
    expected: { select: { ...ownerOnly, admin: 1 }, insert: nobody, update: ownerOnly, delete: nobody },
  },
  {
    name: 'sessions',
    where: () => `id = ${q(ids.session)}`,
    insert: () => ({ id: q(fresh()), user_id: owner(), refresh_token_hash: bytes('x'), expires_at: 'now()' }),
    update: `expires_at = 'infinity'`,
    expected: { select: ownerOnly, insert: nobody, update: nobody, delete: ownerOnly },
  },
  {
    name: 'api_keys',
    where: () => `id = ${q(ids.apiKey)}`,
    insert: () => ({ id: q(fresh()), user_id: owner(), name: `'N'`, prefix: `'ax_2'`, key_hash: bytes('x') }),
    update: `name = 'X'`,
    expected: owned,
    leftToServer: ['insert'],
  },
  {
    name: 'agents',
    where: () => `id = ${q(ids.agent)}`,
    insert: () => ({
      id: q(fresh()),
      name: `'N'`,
      description: `'D'`,
      type: `'customer'`,
      capabilities: `'{}'`,
      creator_id: owner(),
    }),
    update: `description = 'X', version = version + 1`,
    expected: {
      select: { ...ownerOnly, anonymous: 0 },
      insert: writtenByOwner,
      update: ownerOnly,
      delete: { ...ownerOnly, owner: 'referenced' },
    },
    leftToServer: ['insert', 'update'],
  },
  {
    name: 'agents (public)',
    where: () => `id = ${q(ids.publicAgent)}`,
    insert: () => ({
      id: q(fresh()),
      name: `'N'`,
      description: `'D'`,
      type: `'customer'`,
      capabilities: `'{}'`,
      creator_id: owner(),
      is_public: 'true',
    }),
    update: `description = 'X', version = version + 1`,
    expected: {
      select: { other: 1, anonymous: 1, admin: 1, owner: 1 },
      insert: nobody,
      // A creator's change must take the agent out of the catalogue.
      update: { other: 0, anonymous: 'denied', admin: 1, owner: 'denied' },
      delete: ownerOnly,
    },
    leftToServer: ['insert', 'update'],
  },
  {
    name: 'agents (waiting for a nod)',
    where: () => `id = ${q(ids.waitingAgent)}`,
    insert: () => ({
      id: q(fresh()),
      name: `'N'`,
      description: `'D'`,
      type: `'customer'`,
      capabilities: `'{}'`,
      creator_id: owner(),
      slug: `'x'`,
    }),
    update: 'is_public = true',
    expected: {
      select: { other: 0, anonymous: 0, admin: 1, owner: 1 },
      insert: nobody,
      update: { other: 0, anonymous: 'denied', admin: 1, owner: 'denied' },
      delete: ownerOnly,
    },
    leftToServer: ['insert', 'update'],
  },
  {
    name: 'agent_versions',
    column: 'agent_id',
    where: () => `agent_id = ${q(ids.agent)}`,
    insert: () => ({
      agent_id: q(ids.waitingAgent),
      version: '2',
      name: `'A'`,
      description: `'D'`,
      capabilities: `'{}'`,
    }),
    update: `name = 'X'`,
    expected: { select: ownerOnly, insert: writtenByOwner, update: nobody, delete: nobody },
    leftToServer: ['insert'],
  },
  {
    name: 'user_agents',
    where: () => `id = ${q(ids.userAgent)}`,
    insert: () => ({ id: q(fresh()), user_id: owner(), agent_id: q(ids.publicAgent), agent_version: '1', name: `'N'` }),
    update: `name = 'X'`,
    expected: owned,
    leftToServer: ['insert'],
  },
  {
    name: 'integrations',
    where: () => `id = ${q(ids.integration)}`,
    insert: () => ({ id: q(fresh()), user_agent_id: q(ids.userAgent), type: `'imap'`, credentials: `'{}'` }),
    update: `settings = '{"x": 1}'`,
    expected: owned,
    leftToServer: ['insert', 'update'],
  },
  {
    name: 'approvals',
    where: () => `id = ${q(ids.approval)}`,
    insert: () => ({
      id: q(fresh()),
      user_id: owner(),
      user_agent_id: q(ids.userAgent),
      log_id: q(ids.log),
      log_timestamp: 'now()',
      tool_call_id: `'d'`,
      tool: `'imap__send'`,
      title: `'T'`,
      description: `'D'`,
      input: `'{}'`,
      reason: `'writes'`,
      expires_at: 'now()',
    }),
    update: `status = 'approved', decided_at = now()`,
    expected: { select: ownerOnly, insert: nobody, update: nobody, delete: ownerOnly },
  },
  {
    name: 'waiting_runs',
    column: 'log_id',
    where: () => `log_id = ${q(ids.log)}`,
    insert: () => ({
      log_id: q(fresh()),
      log_timestamp: 'now()',
      user_id: owner(),
      user_agent_id: q(ids.userAgent),
      state: `'{}'`,
      expires_at: 'now()',
    }),
    update: `expires_at = 'infinity'`,
    expected: { select: ownerOnly, insert: nobody, update: nobody, delete: ownerOnly },
  },
  {
    name: 'memories',
    where: () => `id = ${q(ids.memory)}`,
    insert: () => ({
      id: q(fresh()),
      user_id: owner(),
      user_agent_id: q(ids.userAgent),
      content: `'M'`,
      is_untrusted: 'false',
    }),
    update: 'is_untrusted = false',
    expected: { select: ownerOnly, insert: writtenByOwner, update: nobody, delete: ownerOnly },
  },
  {
    name: 'webhook_deliveries',
    where: () => `id = ${q(ids.delivery)}`,
    insert: () => ({
      id: q(fresh()),
      integration_id: q(ids.integration),
      user_id: owner(),
      event: `'run.ended'`,
      payload: `'{}'`,
    }),
    update: `status = 'pending'`,
    expected: owned,
    leftToServer: ['insert', 'update'],
  },
  {
    name: 'agent_logs',
    where: () => `id = ${q(ids.log)}`,
    insert: () => {
      const { id, timestamp } = createIdWithTime()
      return {
        id: q(id),
        user_id: owner(),
        timestamp: q(timestamp.toISOString()),
        input: `'I'`,
        conversation_id: q(id),
        status: `'running'`,
        source: `'api'`,
      }
    },
    update: 'rating = 1',
    expected: owned,
    leftToServer: ['insert'],
  },
  {
    name: 'idempotency_keys',
    column: 'key',
    where: () => `user_id = ${owner()}`,
    insert: () => ({
      user_id: owner(),
      key: `'twice'`,
      request_hash: bytes('x'),
      log_id: q(ids.log),
      log_timestamp: 'now()',
    }),
    update: `key = 'X'`,
    expected: { select: ownerOnly, insert: writtenByOwner, update: nobody, delete: nobody },
    leftToServer: ['insert'],
  },
  {
    name: 'plans',
    where: () => `id = ${q(ids.plan)}`,
    insert: () => ({ id: q(fresh()), name: `'N'`, description: `'D'`, price: '0' }),
    update: 'price = 0',
    expected: {
      select: { other: 1, anonymous: 1, admin: 1, owner: 1 },
      insert: { ...nobody, admin: 1 },
      update: { other: 0, anonymous: 'denied', admin: 1, owner: 0 },
      delete: { other: 0, anonymous: 'denied', admin: 'referenced', owner: 0 },
    },
    leftToServer: ['insert', 'update', 'delete'],
  },
  {
    name: 'plans (not public)',
    where: () => `id = ${q(ids.hiddenPlan)}`,
    insert: () => ({ id: q(fresh()), name: `'N'`, description: `'D'`, price: '0', is_public: 'false' }),
    update: 'price = 0',
    expected: {
      select: { other: 0, anonymous: 0, admin: 1, owner: 1 },
      insert: { ...nobody, admin: 1 },
      update: { other: 0, anonymous: 'denied', admin: 1, owner: 0 },
      delete: { other: 0, anonymous: 'denied', admin: 1, owner: 0 },
    },
    leftToServer: ['insert', 'update', 'delete'],
  },
  {
    name: 'plans (the default one, not public)',
    where: () => `id = ${q(ids.defaultPlan)}`,
    insert: () => ({ id: q(fresh()), name: `'N'`, description: `'D'`, price: '0', is_public: 'false' }),
    update: 'price = 0',
    expected: {
      // Whoever has no subscription has it; its owner, here, has another.
      select: { other: 1, anonymous: 0, admin: 1, owner: 0 },
      insert: { ...nobody, admin: 1 },
      update: { other: 0, anonymous: 'denied', admin: 1, owner: 0 },
      delete: { other: 0, anonymous: 'denied', admin: 1, owner: 0 },
    },
    leftToServer: ['insert', 'update', 'delete'],
  },
  {
    name: 'plan_offers',
    column: 'plan_id',
    where: () => `plan_id = ${q(ids.hiddenPlan)}`,
    insert: () => ({ plan_id: q(ids.plan), user_id: owner() }),
    update: 'created_at = now()',
    expected: { select: { ...ownerOnly, admin: 1 }, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'subscription_events',
    where: () => `id = ${q(ids.event)}`,
    insert: () => ({
      id: q(fresh()),
      subscription_id: q(ids.subscription),
      user_id: owner(),
      type: `'begun'`,
      to_status: `'active'`,
      to_plan_id: q(ids.plan),
    }),
    update: `type = 'x'`,
    expected: { select: { ...ownerOnly, admin: 1 }, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'plan_requests',
    where: () => `id = ${q(ids.request)}`,
    insert: () => ({ id: q(fresh()), user_id: owner(), plan_id: q(ids.plan) }),
    update: `status = 'accepted'`,
    expected: { select: { ...ownerOnly, admin: 1 }, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'usage_months',
    column: 'user_id',
    where: () => `user_id = ${owner()}`,
    insert: () => ({ user_id: owner(), month: `'2026-12-01'` }),
    update: 'runs = 0',
    expected: { select: ownerOnly, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'limit_warnings',
    column: 'user_id',
    where: () => `user_id = ${owner()}`,
    insert: () => ({ user_id: owner(), month: `'2026-12-01'`, limit_name: `'runs_per_month'`, threshold: '80' }),
    update: 'emailed_at = now()',
    expected: { select: ownerOnly, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'audit_log',
    where: () => `target_id = ${owner()}`,
    insert: () => ({
      id: '99',
      created_at: 'now()',
      action: `'user.suspend'`,
      target_type: `'user'`,
      target_id: `'x'`,
      previous_hash: bytes('x'),
      hash: bytes('y'),
    }),
    update: `action = 'x'`,
    expected: {
      select: { other: 0, anonymous: 'denied', admin: 1, owner: 0 },
      insert: nobody,
      update: nobody,
      delete: nobody,
    },
  },
  {
    name: 'run_reservations',
    column: 'log_id',
    where: () => `log_id = ${q(ids.log)}`,
    insert: () => ({ log_id: q(fresh()), user_id: owner(), month: `'2026-11-01'`, cost_usd: '0' }),
    update: 'cost_usd = 0',
    expected: serverOnly,
  },
  {
    name: 'usage_reconciliations',
    where: () => `id = ${q(ids.reconciliation)}`,
    insert: () => ({ id: q(fresh()), month: `'2026-11-01'`, users: '0' }),
    update: 'users = 0',
    expected: serverOnly,
  },
  {
    name: 'model_prices',
    column: 'model',
    where: () => `model = 'm'`,
    insert: () => ({ model: `'n'`, input_usd: '0', output_usd: '0' }),
    update: 'input_usd = 0',
    expected: serverOnly,
  },
  {
    name: 'stripe_customers',
    column: 'user_id',
    where: () => `user_id = ${owner()}`,
    insert: () => ({ user_id: q(people.other.id), customer_id: `'cus_2'` }),
    update: `customer_id = 'cus_3'`,
    expected: serverOnly,
  },
  {
    name: 'stripe_prices',
    column: 'price_id',
    where: () => `price_id = 'price_1'`,
    insert: () => ({
      price_id: `'price_2'`,
      product_id: `'p'`,
      plan_id: q(ids.plan),
      billing_interval: `'year'`,
      amount_cents: '1',
      currency: `'USD'`,
    }),
    update: 'amount_cents = 1',
    expected: serverOnly,
  },
  {
    name: 'stripe_events',
    where: () => `id = 'evt_1'`,
    insert: () => ({ id: `'evt_2'`, type: `'invoice.paid'`, object_id: `'in_1'`, created_at: 'now()' }),
    update: 'handled_at = now()',
    expected: serverOnly,
  },
  {
    name: 'subscriptions',
    where: () => `id = ${q(ids.subscription)}`,
    insert: () => ({ id: q(fresh()), user_id: owner(), plan_id: q(ids.plan), status: `'active'`, start_date: 'now()' }),
    update: `status = 'active'`,
    expected: { select: { ...ownerOnly, admin: 1 }, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'usage_hours',
    where: () => `user_id = ${owner()}`,
    insert: () => ({
      user_id: owner(),
      hour: `'2026-11-01 10:00:00+00'`,
      source: `'api'`,
      ...Object.fromEntries(usageNumbers.map((name) => [name, '0'])),
    }),
    update: 'runs = 0',
    expected: { select: ownerOnly, insert: nobody, update: nobody, delete: nobody },
  },
  {
    name: 'usage_rollup',
    where: () => 'id = 1',
    insert: () => ({ id: '1', rolled_until: 'now()' }),
    update: 'rolled_until = now()',
    expected: {
      select: { other: 1, anonymous: 'denied', admin: 1, owner: 1 },
      insert: nobody,
      update: nobody,
      delete: nobody,
    },
  },
  {
    name: 'installation',
    column: 'name',
    where: () => `name = 'n'`,
    insert: () => ({ name: `'m'`, value: `'1'` }),
    update: `value = '2'`,
    expected: serverOnly,
  },
  {
    name: 'encryption_keys',
    where: () => `id = '${encryptionKeyId}'`,
    insert: () => ({ id: `'${'B'.repeat(43)}'` }),
    update: 'created_at = now()',
    expected: serverOnly,
  },
  {
    name: 'server_nodes',
    where: () => `id = ${q(ids.node)}`,
    insert: () => ({ id: q(fresh()) }),
    update: 'heartbeat_at = now()',
    expected: serverOnly,
  },
  {
    name: 'sign_in_attempts',
    column: 'key_hash',
    where: () => `key_hash = ${bytes('a')}`,
    insert: () => ({ key_hash: bytes('b'), failures: '0', window_start: 'now()' }),
    update: 'failures = 0',
    expected: serverOnly,
  },
  {
    name: 'account_deletions',
    column: 'user_id',
    where: () => `user_id = ${q(ids.node)}`,
    insert: () => ({ user_id: q(fresh()) }),
    update: 'deleted_at = now()',
    expected: serverOnly,
  },
]

const statementOf: Record<Command, (one: Case, table: string) => string> = {
  select: (one, table) => `select ${one.column ?? 'id'} from ${table} where ${one.where()}`,
  insert: (one, table) => {
    const row = one.insert()
    return `insert into ${table} (${Object.keys(row)
      .map((name) => `"${name}"`)
      .join(', ')}) values (${Object.values(row).join(', ')})`
  },
  update: (one, table) => `update ${table} set ${one.update} where ${one.where()}`,
  delete: (one, table) => `delete from ${table} where ${one.where()}`,
}

describe.each(cases.map((one) => [one.name, one] as const))('%s', once, (name, one) => {
  const table = name.split(' ')[0]!

  test.each(commands.flatMap((command) => actors.map((actor) => [command, actor] as const)))(
    '%s as %s',
    async (command, actor) => {
      expect(await attempt(actor, statementOf[command](one, table))).toBe(one.expected[command][actor])
      // The row was there to be hidden.
      const rows = await testDatabase.database.asSystem('a test proves that the row exists', (tx) =>
        tx.executeQuery(CompiledQuery.raw(statementOf.select(one, table))),
      )
      expect(rows.rows).toHaveLength(1)
    },
  )
})

describe('whoever is suspended sees and changes nothing', once, () => {
  test.each(
    cases.flatMap((one) =>
      commands.flatMap((command) => suspendedActors.map((actor) => [one.name, command, actor, one] as const)),
    ),
  )('%s: %s as %s', async (name, command, actor, one) => {
    const mayTry = command !== 'insert' && one.expected[command].other !== 'denied'
    const table = name.split(' ')[0]!
    // Past the server as well: some of it is refused before anything is looked for.
    const outcomes = one.leftToServer?.includes(command) ? [0, 'denied'] : [mayTry ? 0 : 'denied']
    expect(outcomes).toContain(await attempt(actor, statementOf[command](one, table)))
    // Not suspended, the same person gets as far as the matrix above says.
    const healthy = actor === 'suspended owner' ? 'owner' : 'admin'
    expect(await attempt(healthy, statementOf[command](one, table))).toBe(one.expected[command][healthy])
  })

  test('nor does whoever has a token and no account, or no token', async () => {
    const reachable = cases.filter(({ expected }) => expected.select.other !== 'denied')
    expect(reachable.length).toBeGreaterThan(8)
    for (const one of reachable) {
      const statement = CompiledQuery.raw(`select ${one.column ?? 'id'} from ${one.name.split(' ')[0]}`)
      const read = (sub: string | undefined) =>
        testDatabase.database.asSystem('a test enters as PostgREST does', async (tx) => {
          await enterDirectly(tx, { sub, user_role: 'admin' })
          return await tx.executeQuery(statement)
        })
      for (const sub of [createId(), undefined]) expect((await read(sub)).rows, one.name).toEqual([])
    }
  })

  test('and the function behind it tells nobody about anybody else', async () => {
    const tell = (claims: TestUser['claims'], from: string) =>
      testDatabase.database.withUser(claims, (tx) => tx.executeQuery(CompiledQuery.raw(from)))
    expect((await tell(people.other.claims, 'select app.is_active_user() as is_active')).rows).toEqual([
      { is_active: true },
    ])
    expect(await attempt('anonymous', 'select app.is_active_user()')).toBe('denied')
  })
})

test.each(cases.map((one) => [one.name, one] as const))(
  'past the server, %s are changed by nobody where that is left to it, and else as through it',
  once,
  async (name, one) => {
    const table = name.split(' ')[0]!
    for (const actor of ['owner', 'admin'] as const) {
      for (const command of commands) {
        const outcome = await attempt(`${actor} past the server`, statementOf[command](one, table))
        const through = one.expected[command][actor]
        const outcomes = one.leftToServer?.includes(command) ? ['denied', ...(through === 0 ? [0] : [])] : [through]
        expect(outcomes, `${command} as ${actor}`).toContain(outcome)
      }
    }
  },
)

test('the matrix knows every table', once, async () => {
  const rows = await query<{ name: string }>(
    testDatabase.ownerUrl,
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  )
  const known = new Set(cases.map(({ name }) => name.split(' ')[0]))
  expect(rows.map(({ name }) => name).filter((name) => !known.has(name))).toEqual(['_prisma_migrations'])
})

describe('nobody', once, () => {
  test.each<[string, Actor, () => string]>([
    ['makes themselves admin', 'other', () => `update users set role = 'admin' where id = ${q(people.other.id)}`],
    [
      'lifts their own suspension',
      'other',
      () => `update users set suspended_at = null where id = ${q(people.other.id)}`,
    ],
    [
      'changes their e-mail past the server',
      'other',
      () => `update users set email = 'x@example.test' where id = ${q(people.other.id)}`,
    ],
    ['reads a password', 'owner', () => `select password from users where id = ${owner()}`],
    ['reads everything of a user with a star', 'admin', () => 'select * from users'],
    ['writes a password', 'owner', () => `update users set password = 'x' where id = ${owner()}`],
    ['reads a refresh token', 'owner', () => 'select refresh_token_hash from sessions'],
    ['reads a key', 'owner', () => 'select key_hash from api_keys'],
    ['replaces a key', 'owner', () => `update api_keys set key_hash = ${bytes('y')}`],
    ['reads credentials, not even their own', 'owner', () => 'select credentials from integrations'],
    ['reads credentials as an admin', 'admin', () => 'select credentials from integrations'],
    ['reads which key encrypted them', 'owner', () => 'select credentials_key_id from integrations'],
    ['reads the fingerprints of keys', 'admin', () => 'select id from encryption_keys'],
    ['reads what a waiting run goes on with', 'owner', () => 'select state from waiting_runs'],
    ['reads which admin changed their subscription', 'owner', () => 'select actor_id from subscription_events'],
    ['reads which admin answered their request', 'owner', () => 'select decided_by from plan_requests'],
    ['takes the lease of a token', 'owner', () => `update integrations set refresh_lease_until = 'infinity'`],
    ['changes what is to be approved', 'owner', () => `update approvals set input = '{}'`],
    ['calls a memory trusted', 'owner', () => 'update memories set is_untrusted = false'],
    ['changes what a webhook says', 'owner', () => `update webhook_deliveries set payload = 'x'`],
    [
      'remembers something for the agent of somebody else',
      'other',
      () =>
        `insert into memories (id, user_id, user_agent_id, content, is_untrusted) values ('${fresh()}', ${q(people.other.id)}, ${q(ids.userAgent)}, 'M', false)`,
    ],
    [
      'sends to the webhook of somebody else',
      'other',
      () =>
        `insert into webhook_deliveries (id, integration_id, user_id, event, payload) values ('${fresh()}', ${q(ids.integration)}, ${q(people.other.id)}, 'e', '{}')`,
    ],
    ['sorts by credentials', 'owner', () => 'select id from integrations order by credentials'],
    ['publishes their own agent', 'owner', () => `update agents set is_public = true where id = ${q(ids.agent)}`],
    [
      'creates a public agent',
      'owner',
      () =>
        `insert into agents (id, name, description, type, capabilities, creator_id, is_public) values ('${fresh()}', 'N', 'D', 'c', '{}', ${owner()}, true)`,
    ],
    [
      'takes a name of the catalogue',
      'owner',
      () => `update agents set slug = 'customer-service' where id = ${q(ids.agent)}`,
    ],
    ['gives an agent to somebody else', 'owner', () => `update agents set creator_id = ${q(people.other.id)}`],
    ['gives a user agent to somebody else', 'owner', () => `update user_agents set user_id = ${q(people.other.id)}`],
    ['gives a log to somebody else', 'owner', () => `update agent_logs set user_id = ${q(people.other.id)}`],
    ['changes when a log was written', 'owner', () => `update agent_logs set "timestamp" = now()`],
    ['changes what was asked', 'owner', () => `update agent_logs set input = 'x'`],
    [
      'gives themselves a plan',
      'other',
      () =>
        `insert into subscriptions (id, user_id, plan_id, status, start_date) values ('${fresh()}', ${q(people.other.id)}, '${ids.plan}', 'active', now())`,
    ],
    ['reads a partition past its policies', 'owner', () => 'select * from agent_log_partitions.agent_logs_default'],
    ['makes partitions', 'admin', () => `select app.ensure_agent_log_partitions('2040-01-01', 1)`],
    ['reads the ledger of migrations', 'admin', () => 'select * from _prisma_migrations'],
    [
      'connects something to a stranger’s user agent',
      'other',
      () =>
        `insert into integrations (id, user_agent_id, type, credentials) values ('${fresh()}', '${ids.userAgent}', 'imap', '{}')`,
    ],
    [
      'configures an agent they cannot see',
      'other',
      () =>
        `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${fresh()}', ${q(people.other.id)}, '${ids.agent}', 1, 'N')`,
    ],
    [
      'adds a version to a stranger’s public agent',
      'other',
      () =>
        `insert into agent_versions (agent_id, version, name, description, capabilities) values ('${ids.publicAgent}', 2, 'N', 'D', '{}')`,
    ],
    [
      'takes a row over by writing the same id again',
      'other',
      () =>
        `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${ids.userAgent}', ${q(people.other.id)}, '${ids.publicAgent}', 1, 'N') on conflict (id) do update set name = 'taken'`,
    ],
    ['becomes another role', 'owner', () => 'set role postgres'],
    ['empties a table', 'owner', () => 'truncate agent_logs'],
  ])('%s', async (_name, actor, statement) => {
    expect(await attempt(actor, statement())).toBe('denied')
  })
})

describe('identity', once, () => {
  test('is gone when the transaction is over: the next one on the same connection sees nothing', async () => {
    const seen = await testDatabase.database.withUser(people.owner.claims, (tx) =>
      tx.selectFrom('agent_logs').select('id').execute(),
    )
    expect(seen.length).toBeGreaterThan(0)
    // More transactions than the pool has connections, so that each connection is used again.
    for (let n = 0; n < 12; n++) expect(await attempt('anonymous', 'select id from agents where not is_public')).toBe(0)
    for (let n = 0; n < 12; n++) expect(await attempt('other', 'select id from agent_logs')).toBe(0)
  })

  test('cannot be forged by a claim that names a role', async () => {
    const claims = { ...people.other.claims, role: 'service_role' } as TestUser['claims']
    const rows = await testDatabase.database.withUser(claims, (tx) =>
      tx.selectFrom('agent_logs').select('id').execute(),
    )
    expect(rows).toEqual([])
    await expect(
      testDatabase.database.withUser(claims, (tx) => tx.selectFrom('installation').selectAll().execute()),
    ).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('cannot break out of its quotes', async () => {
    const claims = {
      sub: people.other.id,
      user_role: `user', true); reset role; select ('`,
    } as unknown as TestUser['claims']
    const rows = await testDatabase.database.withUser(claims, (tx) =>
      tx.selectFrom('agent_logs').select('id').execute(),
    )
    expect(rows).toEqual([])
  })

  test('outlives neither an error in the middle of a transaction nor one that was caught', async () => {
    const broken = testDatabase.database.withUser(people.owner.claims, async (tx) => {
      await tx.executeQuery(CompiledQuery.raw('select 1 / 0')).catch(() => {})
      return 'fine'
    })
    await expect(broken).rejects.toThrow(/rolled back/)
    for (let n = 0; n < 12; n++) expect(await attempt('other', 'select id from agent_logs')).toBe(0)
  })
})

test('an account takes its rows with it when it is deleted, and nobody else’s', once, async () => {
  const { database, createUser } = testDatabase
  const leaving = await createUser()
  await insertTestLog(database, { user_id: leaving.id })
  await database.asSystem('a test erases an account', (tx) =>
    tx.deleteFrom('users').where('id', '=', leaving.id).execute(),
  )
  const count = (userId: string) =>
    database.asSystem('a test counts what is left', (tx) =>
      tx.selectFrom('agent_logs').select('id').where('user_id', '=', userId).execute(),
    )
  expect(await count(leaving.id)).toEqual([])
  expect(await count(people.owner.id)).toHaveLength(1)
})
