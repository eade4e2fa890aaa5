import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { userQuery } from './auth/session.ts'
import { hasSessionMark } from './auth/session-state.ts'
import { queryClient } from './query-client.ts'
import { NotFoundPage } from './shell/not-found-page.tsx'
import { RouteError } from './shell/route-error.tsx'
import { RoutePending } from './shell/route-pending.tsx'
import { Shell } from './shell/shell.tsx'

interface RouterContext {
  queryClient: QueryClient
}

const rootRoute = createRootRouteWithContext<RouterContext>()({ component: Shell, notFoundComponent: NotFoundPage })

/** Everything below asks strangers to sign in first and brings them back. */
const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'signed-in',
  beforeLoad: async ({ context, location }) => {
    const user = await context.queryClient.ensureQueryData(userQuery)
    if (user === null) throw redirect({ to: '/sign-in', search: { redirect: location.href } })
  },
})

const landingRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: async ({ context }) => {
    if (!hasSessionMark()) return
    const user = await context.queryClient.ensureQueryData(userQuery).catch(() => null)
    if (user) throw redirect({ to: '/my-agents' })
  },
  component: lazyRouteComponent(() => import('./landing/landing-page.tsx'), 'LandingPage'),
})

/** `redirect` leads back to a page of this site, never to another one. */
const redirectSearch = (search: Record<string, unknown>): { redirect?: string } => {
  const target = search.redirect
  return typeof target === 'string' && /^\/(?![/\\])/.test(target) ? { redirect: target } : {}
}

const signUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-up',
  validateSearch: redirectSearch,
  component: lazyRouteComponent(() => import('./auth/sign-up-page.tsx'), 'SignUpPage'),
})

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: redirectSearch,
  component: lazyRouteComponent(() => import('./auth/sign-in-page.tsx'), 'SignInPage'),
})

/** `month` unless the address says `year`. */
function pickInterval(search: Record<string, unknown>): { interval?: 'month' | 'year' } {
  return search.interval === 'year' || search.interval === 'month' ? { interval: search.interval } : {}
}

/** `checkout` says how the payment page was left. */
const plansRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/plans',
  validateSearch: (search: Record<string, unknown>): { checkout?: string; interval?: 'month' | 'year' } => ({
    ...pickTexts(search, ['checkout']),
    ...pickInterval(search),
  }),
  component: lazyRouteComponent(() => import('./plans/plans-page.tsx'), 'PlansPage'),
})

const agentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/agents',
  validateSearch: (search: Record<string, unknown>): { search?: string; type?: string } => ({
    ...(typeof search.search === 'string' && search.search !== '' ? { search: search.search } : {}),
    ...(typeof search.type === 'string' && search.type !== '' ? { type: search.type } : {}),
  }),
  component: lazyRouteComponent(() => import('./agents/agents-page.tsx'), 'AgentsPage'),
})

const agentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/agents/$agentId',
  component: lazyRouteComponent(() => import('./agents/agent-page.tsx'), 'AgentPage'),
})

function pickTexts<Name extends string>(search: Record<string, unknown>, names: Name[]): { [name in Name]?: string } {
  const found = names.filter((name) => typeof search[name] === 'string' && search[name] !== '')
  return Object.fromEntries(found.map((name) => [name, search[name]])) as { [name in Name]?: string }
}

/** Also words that look like a number or a yes, which the router has read as such. */
function pickWords<Name extends string>(search: Record<string, unknown>, names: Name[]): { [name in Name]?: string } {
  const isPlain = (value: unknown) => typeof value === 'number' || typeof value === 'boolean'
  const entries = Object.entries(search).map(([name, value]) => [name, isPlain(value) ? String(value) : value])
  return pickTexts(Object.fromEntries(entries), names)
}

const setUpRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/agents/$agentId/set-up',
  component: lazyRouteComponent(() => import('./user-agents/set-up-page.tsx'), 'SetUpPage'),
})

const newAgentRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/agents/new',
  component: lazyRouteComponent(() => import('./agent-editor/new-agent-page.tsx'), 'NewAgentPage'),
})

const editAgentRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/agents/$agentId/edit',
  component: lazyRouteComponent(() => import('./agent-editor/edit-agent-page.tsx'), 'EditAgentPage'),
})

const createdAgentsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/created-agents',
  component: lazyRouteComponent(() => import('./agents/created-agents-page.tsx'), 'CreatedAgentsPage'),
})

const myAgentsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/my-agents',
  // Back from signing in at a provider, when it could not be told for which agent that was.
  validateSearch: (search: Record<string, unknown>): { oauth_error?: string } => pickTexts(search, ['oauth_error']),
  component: lazyRouteComponent(() => import('./user-agents/my-agents-page.tsx'), 'MyAgentsPage'),
})

const editUserAgentRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/my-agents/$userAgentId/edit',
  validateSearch: (search: Record<string, unknown>): { update?: true } => (search.update ? { update: true } : {}),
  component: lazyRouteComponent(() => import('./user-agents/edit-user-agent-page.tsx'), 'EditUserAgentPage'),
})

/** `connect` opens the form of a type; the others come back from signing in at a provider. */
const integrationsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/user-agents/$userAgentId/integrations',
  validateSearch: (search: Record<string, unknown>): { connect?: string; connected?: string; oauth_error?: string } =>
    pickTexts(search, ['connect', 'connected', 'oauth_error']),
  component: lazyRouteComponent(() => import('./integrations/integrations-page.tsx'), 'IntegrationsPage'),
})

const approvalsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/approvals',
  component: lazyRouteComponent(() => import('./approvals/approvals-page.tsx'), 'ApprovalsPage'),
})

const approvalRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/approvals/$approvalId',
  component: lazyRouteComponent(() => import('./approvals/approvals-page.tsx'), 'ApprovalPage'),
})

const chatRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/chat/$userAgentId',
  validateSearch: (search: Record<string, unknown>): { conversation?: string } =>
    typeof search.conversation === 'string' ? { conversation: search.conversation } : {},
  component: lazyRouteComponent(() => import('./chat/chat-page.tsx'), 'ChatPage'),
})

/** Filters of the log as they stand in the address, so that a filtered view can be kept and sent on. */
const logSearchNames = [
  'agent_id',
  'user_agent_id',
  'conversation_id',
  'status',
  'range',
  'from',
  'to',
  'search',
] as const
type LogSearch = { [name in (typeof logSearchNames)[number]]?: string }

const logsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/logs',
  validateSearch: (search: Record<string, unknown>): LogSearch =>
    Object.fromEntries(
      logSearchNames.flatMap((name) => (search[name] ? [[name, String(search[name])]] : [])),
    ) as LogSearch,
  component: lazyRouteComponent(() => import('./agent-logs/agent-logs-page.tsx'), 'AgentLogsPage'),
})

const logRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/logs/$logId',
  component: lazyRouteComponent(() => import('./agent-logs/agent-log-page.tsx'), 'AgentLogPage'),
})

const usageRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/usage',
  validateSearch: (search: Record<string, unknown>): { range?: string; user_agent_id?: string } => ({
    ...(search.range ? { range: String(search.range) } : {}),
    ...(search.user_agent_id ? { user_agent_id: String(search.user_agent_id) } : {}),
  }),
  component: lazyRouteComponent(() => import('./usage/usage-page.tsx'), 'UsagePage'),
})

/** `choose` opens what choosing that plan would do. */
const subscriptionRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/subscription',
  validateSearch: (
    search: Record<string, unknown>,
  ): { checkout?: string; choose?: string; interval?: 'month' | 'year' } => ({
    ...pickTexts(search, ['checkout', 'choose']),
    ...pickInterval(search),
  }),
  component: lazyRouteComponent(() => import('./subscription/subscription-page.tsx'), 'SubscriptionPage'),
})

const accountRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/account',
  component: lazyRouteComponent(() => import('./account/account-page.tsx'), 'AccountPage'),
})

const apiKeysRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/api-keys',
  component: lazyRouteComponent(() => import('./api-keys/api-keys-page.tsx'), 'ApiKeysPage'),
})

const publicationRequestsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/publication-requests',
  component: lazyRouteComponent(() => import('./admin/publication-requests-page.tsx'), 'PublicationRequestsPage'),
})

const adminRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin',
  component: lazyRouteComponent(() => import('./admin/overview/overview-page.tsx'), 'OverviewPage'),
})

const usersRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/users',
  validateSearch: (search: Record<string, unknown>) =>
    pickWords(search, ['search', 'role', 'plan_id', 'status', 'suspended']),
  component: lazyRouteComponent(() => import('./admin/users/users-page.tsx'), 'UsersPage'),
})

const adminUserRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/users/$userId',
  component: lazyRouteComponent(() => import('./admin/users/user-page.tsx'), 'AdminUserPage'),
})

const adminPlansRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/plans',
  component: lazyRouteComponent(() => import('./admin/plans/plans-page.tsx'), 'AdminPlansPage'),
})

const newPlanRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/plans/new',
  component: lazyRouteComponent(() => import('./admin/plans/new-plan-page.tsx'), 'NewPlanPage'),
})

const adminPlanRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/plans/$planId',
  component: lazyRouteComponent(() => import('./admin/plans/plan-page.tsx'), 'AdminPlanPage'),
})

/** `requests` is `open` or another state of requests; with it those stand first. */
const adminSubscriptionsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/subscriptions',
  validateSearch: (search: Record<string, unknown>) => pickWords(search, ['requests', 'search', 'plan_id', 'status']),
  component: lazyRouteComponent(() => import('./admin/subscriptions/subscriptions-page.tsx'), 'AdminSubscriptionsPage'),
})

const adminModelsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/models',
  component: lazyRouteComponent(() => import('./admin/models/models-page.tsx'), 'AdminModelsPage'),
})

const systemRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/system',
  component: lazyRouteComponent(() => import('./admin/system/system-page.tsx'), 'SystemPage'),
})

const auditLogRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/admin/audit-log',
  validateSearch: (search: Record<string, unknown>) =>
    pickWords(search, ['actor_id', 'action', 'target_type', 'target_id', 'from', 'to']),
  component: lazyRouteComponent(() => import('./admin/audit-log/audit-log-page.tsx'), 'AuditLogPage'),
})

const routeTree = rootRoute.addChildren([
  landingRoute,
  signUpRoute,
  signInRoute,
  plansRoute,
  agentsRoute,
  agentRoute,
  signedInRoute.addChildren([
    setUpRoute,
    newAgentRoute,
    editAgentRoute,
    createdAgentsRoute,
    myAgentsRoute,
    editUserAgentRoute,
    integrationsRoute,
    approvalsRoute,
    approvalRoute,
    chatRoute,
    logsRoute,
    logRoute,
    usageRoute,
    subscriptionRoute,
    accountRoute,
    apiKeysRoute,
    publicationRequestsRoute,
    adminRoute,
    usersRoute,
    adminUserRoute,
    adminPlansRoute,
    newPlanRoute,
    adminPlanRoute,
    adminSubscriptionsRoute,
    adminModelsRoute,
    systemRoute,
    auditLogRoute,
  ]),
])

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: RouteError,
  defaultPendingComponent: RoutePending,
  defaultNotFoundComponent: NotFoundPage,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
