import { readMetadata } from '../../server/src/agent-logs/read-metadata.ts'
import { readCapabilities } from '../../server/src/agents/stored-capabilities.ts'
import { readPlanFeatures } from '../../server/src/plans/plan-features.ts'

export type Row = Record<string, unknown>

export interface Viewer {
  name: string
  /** Null: nobody signed in. */
  id: string | null
  isAdmin: boolean
  /** What `GET /api/v1...` answers them. */
  get(path: string): Promise<Row>
}

export interface ToldRow {
  row: Row
  /** Why the API says no more of this row than what is in `row`. */
  partly?: string
}

interface ToldTable {
  /** `id` when left out. */
  key?: readonly string[]
  /** The rows the API tells this viewer of, under the names of the columns. Of rows with the same key the first counts. */
  tell(viewer: Viewer): Promise<ToldRow[]>
  /** Columns that not every answer has, and why it does no harm that PostgREST shows them. */
  untold?: Record<string, string>
  /** For columns that are stored in another form than they are told. */
  read?: Record<string, (value: unknown) => unknown>
}

/** A table that no answer tells of, why, and which columns of it can be read. */
interface UntoldTable {
  why: string
  columns: string
}

const rowsOf = (answer: Row, name = 'data') => (answer[name] ?? []) as Row[]
const whole = (rows: Row[]): ToldRow[] => rows.map((row) => ({ row }))
const asJson = (value: unknown) => JSON.parse(JSON.stringify(value))

const list = async ({ get }: Viewer, path: string) =>
  rowsOf(await get(`${path}${path.includes('?') ? '&' : '?'}limit=200`))
const listExported = async (viewer: Viewer, name: string) => rowsOf(await viewer.get('/me/export'), name)

/** What is told for each of some rows, one request each. */
async function forEachOf(rows: Row[], tell: (row: Row) => Promise<Row[]>): Promise<Row[]> {
  return (await Promise.all(rows.map(tell))).flat()
}

const listUsers = (viewer: Viewer) => list(viewer, '/admin/users')
const listUserAgents = (viewer: Viewer) => list(viewer, '/user-agents')
const listIntegrations = async (viewer: Viewer) =>
  forEachOf(await listUserAgents(viewer), async ({ id }) =>
    rowsOf(await viewer.get(`/user-agents/${id}/integrations`)).map((row) => ({ ...row, user_agent_id: id })),
  )

async function listAgents(viewer: Viewer): Promise<Row[]> {
  const found = [
    ...(await list(viewer, '/agents')),
    ...(viewer.id === null ? [] : await list(viewer, '/agents?mine=true')),
    ...(viewer.isAdmin ? await list(viewer, '/admin/publication-requests') : []),
  ]
  const ids = [...new Set(found.map(({ id }) => id))]
  return Promise.all(ids.map((id) => viewer.get(`/agents/${id}`)))
}

const listEvents = async (viewer: Viewer): Promise<Row[]> => [
  ...(await list(viewer, '/me/subscription/events')),
  ...(viewer.isAdmin
    ? await forEachOf(await listUsers(viewer), async ({ id }) =>
        (await list(viewer, `/admin/users/${id}/subscription/events`)).map((row) => ({ ...row, user_id: id })),
      )
    : []),
]

const capabilities = { capabilities: (value: unknown) => asJson(readCapabilities(value)) }

export const toldTables: Record<string, ToldTable> = {
  users: {
    tell: async (viewer) =>
      whole([
        (await viewer.get('/me/export')).profile as Row,
        ...(viewer.isAdmin
          ? await forEachOf(await listUsers(viewer), async ({ id }) => {
              const { user, cost_cap_usd } = await viewer.get(`/admin/users/${id}`)
              return [{ ...(user as Row), cost_cap_usd }]
            })
          : []),
      ]),
  },
  sessions: { tell: async (viewer) => whole(rowsOf(await viewer.get('/me/sessions'))) },
  api_keys: { tell: async (viewer) => whole(rowsOf(await viewer.get('/api-keys'))) },
  agents: {
    tell: async (viewer) =>
      whole(
        (await listAgents(viewer)).map((agent) => ({
          ...agent,
          creator_id: (agent.creator as Row | null)?.id ?? null,
        })),
      ),
    untold: { publication_requested_at: 'answers say `publication`; an agent that is public has no date there' },
    read: capabilities,
  },
  agent_versions: {
    key: ['agent_id', 'version'],
    tell: async (viewer) => {
      const agents = await listAgents(viewer)
      const own = agents.filter(({ is_mine }) => is_mine)
      return [
        ...whole(agents.map(({ id: agent_id, created_at: _, ...agent }) => ({ ...agent, agent_id }))),
        ...own.flatMap(({ id: agent_id, version }) =>
          Array.from({ length: Number(version) - 1 }, (_, n) => ({
            row: { agent_id, version: n + 1 },
            partly: 'an older version of one’s own agent, which `changes` tells of',
          })),
        ),
        ...(await listUserAgents(viewer)).map(({ agent_id, agent_version, agent }) => ({
          row: {
            agent_id,
            version: agent_version,
            ...(({ name, description }) => ({ name, description }))(agent as Row),
          },
          partly:
            'the version that one’s own user agent runs on: its instructions were there to read when it was chosen',
        })),
      ]
    },
    untold: { created_at: 'when that version was made' },
    read: capabilities,
  },
  user_agents: { tell: async (viewer) => whole(await listUserAgents(viewer)) },
  integrations: {
    tell: async (viewer) =>
      whole(
        (await listIntegrations(viewer)).map(({ tools: _, state, credentials, ...row }) => ({
          ...row,
          credentials_summary: credentials,
          status: state === 'reconnect' ? state : 'connected',
        })),
      ),
    untold: {
      tools: 'answers have them with title, effect and permission, those of our own included',
      tool_permissions: 'answers say it for each tool',
    },
  },
  approvals: {
    tell: async (viewer) =>
      whole((await list(viewer, '/approvals')).map(({ run_id, ...row }) => ({ ...row, log_id: run_id }))),
    untold: { log_timestamp: 'when the run began, which the run itself tells' },
  },
  waiting_runs: {
    key: ['log_id'],
    tell: async (viewer) => {
      const approvals = await list(viewer, '/approvals?status=pending')
      return whole(
        (await list(viewer, '/agent-logs?status=waiting')).map(({ id: log_id, timestamp, user_agent_id }) => ({
          ...{ log_id, log_timestamp: timestamp, user_agent_id },
          expires_at: approvals.find(({ run_id }) => run_id === log_id)?.expires_at,
        })),
      )
    },
    untold: { created_at: 'since when it waits, which its approvals tell' },
  },
  memories: {
    tell: async (viewer) =>
      whole(
        await forEachOf(await listUserAgents(viewer), async ({ id }) =>
          (await list(viewer, `/user-agents/${id}/memories`)).map((row) => ({ ...row, user_agent_id: id })),
        ),
      ),
  },
  webhook_deliveries: {
    tell: async (viewer) =>
      whole(
        await forEachOf(await listIntegrations(viewer), async ({ id, user_agent_id }) =>
          (await list(viewer, `/user-agents/${user_agent_id}/integrations/${id}/deliveries`)).map((row) => ({
            ...row,
            integration_id: id,
          })),
        ),
      ),
  },
  agent_logs: {
    tell: async (viewer) =>
      whole(
        await forEachOf(await list(viewer, '/agent-logs'), async ({ id }) => [await viewer.get(`/agent-logs/${id}`)]),
      ),
    untold: { node_id: 'which server ran it', has_untrusted: 'whether texts from outside were in the prompt' },
    read: { metadata: (value) => asJson(readMetadata(value)) },
  },
  plans: {
    tell: async (viewer) => {
      const offered = rowsOf(await viewer.get('/plans'))
      if (viewer.id === null) return whole(offered)
      const { plan, next_plan } = await viewer.get('/me/subscription')
      const all = viewer.isAdmin ? rowsOf(await viewer.get('/admin/plans')) : []
      const had = (await listEvents(viewer)).map(({ to_plan_id, to_plan_name }) => ({
        id: to_plan_id,
        name: to_plan_name,
      }))
      return [
        ...whole([...all, ...offered, ...[plan, next_plan].filter((one) => one !== null)] as Row[]),
        ...had.map((row) => ({ row, partly: 'a plan that one had, which the history names' })),
      ]
    },
    untold: {
      archived_at: 'whether it can still be chosen',
      created_at: 'when an admin made it',
      updated_at: 'when an admin changed it',
    },
    read: { features: readPlanFeatures },
  },
  plan_offers: {
    key: ['plan_id', 'user_id'],
    tell: async (viewer) =>
      whole([
        ...(await listExported(viewer, 'plan_offers')),
        ...(viewer.isAdmin
          ? await forEachOf(rowsOf(await viewer.get('/admin/plans')), async ({ id }) =>
              rowsOf(await viewer.get(`/admin/plans/${id}`), 'offers').map((row) => ({ ...row, plan_id: id })),
            )
          : []),
      ]),
  },
  subscriptions: {
    tell: async (viewer) => [
      ...whole(await listExported(viewer, 'subscriptions')),
      ...(viewer.isAdmin
        ? [
            ...whole(
              (await list(viewer, '/admin/subscriptions')).map((row) => ({ ...row, user_id: (row.user as Row).id })),
            ),
            ...(await listEvents(viewer)).map(({ subscription_id, user_id }) => ({
              row: { id: subscription_id, user_id },
              partly: 'an older subscription, which the history of its user names',
            })),
          ]
        : []),
    ],
    untold: {
      created_at: 'when it was written; admins are told when it began',
      is_current: 'admins are told of the current ones alone',
      stripe_subscription_id: 'their own number at Stripe, which stands on its receipts',
    },
  },
  subscription_events: { tell: async (viewer) => whole(await listEvents(viewer)) },
  plan_requests: {
    tell: async (viewer) =>
      whole([
        ...(await listExported(viewer, 'plan_requests')),
        ...(viewer.isAdmin
          ? (await list(viewer, '/admin/plan-requests')).map((row) => ({ ...row, user_id: (row.user as Row).id }))
          : []),
      ]),
    untold: { keep: 'what stays on, by ids; admins are not asked about it' },
  },
  usage_months: {
    key: ['month'],
    tell: async (viewer) => {
      const { month, usage } = await viewer.get('/me/limits')
      const { runs, running, input_tokens, output_tokens, cost_usd } = usage as Row
      const row = { runs, running, input_tokens, output_tokens, cost_usd }
      return Object.values(row).some(Boolean) ? whole([{ ...row, month: `${month}-01` }]) : []
    },
    untold: { reserved_cost_usd: 'what is set aside for runs that have not ended' },
    read: { month: toDay },
  },
  usage_hours: {
    key: ['hour'],
    // One row an hour in these tests, so that each way to group it names one of its columns.
    tell: async (viewer) => {
      const { from, to } = yesterday
      const groups = { agent: 'agent_id', user_agent: 'user_agent_id', model: 'model', source: 'source' }
      const hours = new Map<unknown, Row>()
      for (const [group, column] of Object.entries(groups)) {
        const answer = await viewer.get(`/usage?by=hour&group=${group}&from=${from}&to=${to}`)
        for (const { start, group: value, ...row } of rowsOf(answer))
          hours.set(start, { ...hours.get(start), ...row, hour: start, [column]: value })
      }
      return whole([...hours.values()])
    },
    untold: {
      id: 'of a sum',
      timed_runs: 'of how many runs the average is',
      is_correction: 'whether it was counted later',
    },
  },
  limit_warnings: {
    key: ['month', 'limit_name', 'threshold'],
    tell: async (viewer) => {
      const limits = await viewer.get('/me/limits')
      const month = `${limits.month}-01`
      return whole(rowsOf(limits, 'warnings').map(({ limit, threshold }) => ({ month, limit_name: limit, threshold })))
    },
    untold: {
      created_at: 'when it was noticed',
      emailed_at: 'when their own e-mail about it went',
      attempts: 'how often that was tried',
      limit_value: 'how high the limit was, which they are told with it',
    },
    read: { month: toDay },
  },
  audit_log: {
    tell: async (viewer) => whole(viewer.isAdmin ? await list(viewer, '/admin/audit-log') : []),
    untold: { previous_hash: 'the hash of the entry before' },
    read: { hash: (value) => (value as Buffer).toString('hex') },
  },
}

export const untoldTables: Record<string, UntoldTable> = {
  idempotency_keys: {
    why: 'which run a key of one’s own began, which whoever sent it was told',
    columns: 'user_id key request_hash log_id log_timestamp created_at',
  },
  usage_rollup: { why: 'until when usage is counted, the same for everybody', columns: 'id rolled_until' },
}

/** The range of hours of usage that is compared: those of yesterday. */
export const yesterday = (() => {
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000
  return { from: new Date(today - 86_400_000).toISOString(), to: new Date(today).toISOString() }
})()

/** A date as the driver reads it, at midnight of this machine. */
function toDay(value: unknown): string {
  const day = value as Date
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
}
