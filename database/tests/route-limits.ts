import { type Limits, pageRows } from './judge-plans.ts'
import { accounts } from './many-others.ts'

/*
 * Every GET route of the API, and what its statements may do besides reading a page of a list by an index: where it sums,
 * how much there is to sum. A route that is not here fails the test, as does one that is no longer there.
 */

/** Ids of what the asking account has, by their names in the addresses. */
export interface Own {
  userAgent: string
  agent: string
  log: string
  conversation: string
  integration: string
  approval: string
  plan: string
  user: string
}

export interface RouteLimits {
  /** The address where it is not the path of the route. */
  url?: (own: Own) => string
  limits?: Limits
  /** Further questions to the same route, each with what it may do beyond that. */
  more?: Record<string, Limits>
  /** Why it asks nothing of the database but who is asking. */
  asksNothing?: string
  /** Why it is asked by the account with a thousand logs alone. */
  notForHeavy?: string
}

export interface Sizes {
  /** Logs of everybody and of the heavy user in a month. */
  month: number
  heavyMonth: number
}

const page: RouteLimits = {}
const byFile = { asksNothing: 'what it tells is in the program' }

/** Looks at everybody, because any account may fit: one row of each table an account. */
const everybody: Limits = {
  whole: ['users', 'subscriptions', 'usage_months'],
  rows: 5 * accounts,
  buffers: 10 * accounts,
}

export function limitsOfRoutes({ month, heavyMonth }: Sizes): Record<string, RouteLimits> {
  // What one user used in the months that are asked for, by the hour, through the index of the owner.
  const used = (months: number): Limits => {
    const rows = Math.ceil(heavyMonth * months) + 1000
    return { rows, sorted: rows, logRows: 1000, buffers: rows + 3000 }
  }
  return {
    '/healthz': { asksNothing: 'it says that the process answers' },
    '/readyz': { asksNothing: 'it asks for a connection, not for rows' },
    '/.well-known/jwks.json': byFile,
    '/v1/models': page,
    '/v1/models/{model}': { url: ({ userAgent }) => `/v1/models/${userAgent}` },
    '/api/v1/me': page,
    '/api/v1/me/export': { notForHeavy: 'a thousand pages, each a statement of its own' },
    '/api/v1/me/invoices': { asksNothing: 'invoices are at Stripe, which is not asked here' },
    '/api/v1/me/limits': page,
    '/api/v1/me/sessions': page,
    '/api/v1/me/subscription': page,
    '/api/v1/me/subscription/events': page,
    '/api/v1/api-keys': page,
    '/api/v1/plans': page,
    '/api/v1/models': byFile,
    '/api/v1/integration-types': byFile,
    '/api/v1/integration-types/{type}': { ...byFile, url: () => '/api/v1/integration-types/slack' },
    // All that are offered to everybody, sorted by name: the catalogue, and what users published.
    '/api/v1/agents': { limits: { sorted: 500 }, more: { '?search=own': { sorted: 500 }, '?mine=true': {} } },
    '/api/v1/agents/{id}': { url: ({ agent }) => `/api/v1/agents/${agent}` },
    '/api/v1/user-agents': page,
    '/api/v1/user-agents/{id}': page,
    '/api/v1/user-agents/{id}/conversations': { limits: { logRows: 1000 } },
    '/api/v1/user-agents/{id}/memories': page,
    '/api/v1/user-agents/{id}/integrations': page,
    '/api/v1/user-agents/{id}/integrations/{integration_id}': page,
    // A month of messages to one webhook; older ones are forgotten.
    '/api/v1/user-agents/{id}/integrations/{integration_id}/deliveries': { limits: { sorted: 1000 } },
    '/api/v1/approvals': {
      more: {
        '?status=pending': {},
        '?status=pending&order=asc': {},
        '?status=refused': {},
        // All of one user agent.
        '?user_agent_id={user_agent_id}': { sorted: 1000 },
      },
    },
    '/api/v1/approvals/{id}': { url: ({ approval }) => `/api/v1/approvals/${approval}` },
    '/api/v1/agent-logs': page,
    '/api/v1/agent-logs/{id}': { url: ({ log }) => `/api/v1/agent-logs/${log}` },
    '/api/v1/agent-logs/activity': { limits: used(1.2) },
    // Five hundred at a time, with the names of their agents.
    '/api/v1/agent-logs/export': {
      limits: { sorted: 500, logRows: 1000, buffers: 10_000 },
      notForHeavy: 'hundreds of pages, each a statement of its own',
    },
    '/api/v1/usage': { limits: used(1.2) },
    '/api/v1/usage/forecast': { limits: used(1.2) },
    '/api/v1/admin/users': {
      more: {
        '?search=user': {},
        '?search=nobody-has-this': everybody,
        '?status=past_due': everybody,
        '?is_suspended=true': everybody,
      },
    },
    '/api/v1/admin/users/{id}': { url: ({ user }) => `/api/v1/admin/users/${user}`, limits: used(1.2) },
    '/api/v1/admin/users/{id}/subscription/events': {
      url: ({ user }) => `/api/v1/admin/users/${user}/subscription/events`,
    },
    '/api/v1/admin/subscriptions': { more: { '?status=past_due': everybody, '?search=nobody-has-this': everybody } },
    '/api/v1/admin/plan-requests': { more: { '?status=open': {} } },
    '/api/v1/admin/publication-requests': page,
    // How many have each plan.
    '/api/v1/admin/plans': { limits: everybody },
    '/api/v1/admin/plans/{id}': { url: ({ plan }) => `/api/v1/admin/plans/${plan}`, limits: everybody },
    // What everybody used in this month, by model.
    '/api/v1/admin/models': { limits: { rows: month, logRows: 1000, buffers: month + 3000 } },
    // All subscriptions, and of the months that are asked for their history and everybody's usage.
    '/api/v1/admin/revenue': {
      url: () => '/api/v1/admin/revenue?months=2',
      limits: {
        whole: ['subscriptions', 'usage_hours'],
        rows: 20 * accounts + 14 * month,
        sorted: 20 * accounts + 2 * month,
        logRows: 1000,
        buffers: 20 * accounts + 14 * month,
      },
    },
    // Events of Stripe of thirty days, out of ninety that are kept.
    '/api/v1/admin/system': { limits: { whole: ['stripe_events'], rows: 50_000, buffers: 10_000 } },
    '/api/v1/admin/audit-log': {
      more: { '?action=plan.change': {}, '?actor_id={user_id}': {}, '?target_id={user_id}': {} },
    },
    // Entry by entry, a thousand at a time.
    '/api/v1/admin/audit-log/verify': { limits: { rows: 1000 + pageRows } },
  }
}
