export type Kind =
  | 'agent'
  | 'userAgent'
  | 'log'
  | 'apiKey'
  | 'session'
  | 'user'
  | 'integration'
  | 'delivery'
  | Asked
  | Sold
/** A plan that is offered to the owner alone, and their request for it. */
export type Sold = 'plan' | 'planRequest'
/** What a run that waits has brought. */
type Asked = 'waitingRun' | 'approval' | 'memory'
export const kinds: Kind[] = [
  'agent',
  'userAgent',
  'log',
  'apiKey',
  'session',
  'user',
  'integration',
  'delivery',
  'waitingRun',
  'approval',
  'memory',
  'plan',
  'planRequest',
]

/** What the owner of the present case has, by kind: every kind is tried in every place that takes an id. */
export const owned = { ids: {} as Record<Kind, string>, planChangedAt: new Date() }

export interface Case {
  /** As in the OpenAPI document. */
  route: string
  kind: Kind
  url: (id: string, callersUserAgent: string) => string
  payload?: (id: string) => object
  /** What the owner gets. */
  status: number
  /** `empty`: a list or a filter, which answers a stranger that there is nothing. */
  hides?: 'empty'
  isForAdmins?: true
}

const at = (path: string) => (id: string) => `/api/v1/${path.replace('{id}', id)}`
const filters: [string, Kind][] = [
  ['agent_id', 'agent'],
  ['user_agent_id', 'userAgent'],
  ['conversation_id', 'log'],
]
const filtered = (route: string): Case[] =>
  filters.map(([name, kind]) => ({
    route,
    kind,
    url: (id) => `${route.split(' ')[1]}?${name}=${id}`,
    status: 200,
    hides: 'empty',
  }))

export const webhook = () => ({ type: 'webhook', settings: { url: 'http://127.0.0.1:9/' } })

/** A route below one integration: with the owner's user agent as the id, and with the integration as the id. */
const ofIntegration = (route: string, rest: string, status: number, payload?: () => object): Case[] => {
  const [method, path] = route.split(' ')
  const more = { ...(payload && { payload }), status, route: `${method} /api/v1/user-agents/{id}/integrations${path}` }
  return [
    {
      ...more,
      kind: 'userAgent',
      url: (id) => `/api/v1/user-agents/${id}/integrations/${owned.ids.integration}${rest}`,
    },
    {
      ...more,
      kind: 'integration',
      // The owner has it at the one user agent, everybody else tries it at their own.
      url: (id, callers) => `/api/v1/user-agents/${callers}/integrations/${id}${rest}`,
    },
  ]
}
const replay = 'POST /api/v1/user-agents/{id}/integrations/{integration_id}/deliveries/{delivery_id}/replay'

const integrationCases: Case[] = [
  {
    route: 'GET /api/v1/user-agents/{id}/integrations',
    kind: 'userAgent',
    url: at('user-agents/{id}/integrations'),
    status: 200,
  },
  {
    route: 'POST /api/v1/user-agents/{id}/integrations',
    kind: 'userAgent',
    url: at('user-agents/{id}/integrations'),
    payload: webhook,
    status: 201,
  },
  {
    route: 'POST /api/v1/user-agents/{id}/integrations/test',
    kind: 'userAgent',
    url: at('user-agents/{id}/integrations/test'),
    payload: webhook,
    status: 200,
  },
  ...ofIntegration('GET /{integration_id}', '', 200),
  ...ofIntegration('PATCH /{integration_id}', '', 200, () => ({ name: 'Renamed' })),
  ...ofIntegration('DELETE /{integration_id}', '', 200),
  ...ofIntegration('POST /{integration_id}/test', '/test', 200),
  // 409: a webhook needs no signing in, which only its owner is told.
  ...ofIntegration('POST /{integration_id}/authorization', '/authorization', 409),
  ...ofIntegration('PUT /{integration_id}/tools/{tool}', '/tools/send_webhook', 200, () => ({ permission: 'always' })),
  ...ofIntegration('GET /{integration_id}/deliveries', '/deliveries', 200),
  {
    route: replay,
    kind: 'userAgent',
    url: (id) =>
      `/api/v1/user-agents/${id}/integrations/${owned.ids.integration}/deliveries/${owned.ids.delivery}/replay`,
    status: 200,
  },
  {
    route: replay,
    kind: 'delivery',
    url: (id, callers) =>
      `/api/v1/user-agents/${callers}/integrations/${owned.ids.integration}/deliveries/${id}/replay`,
    status: 200,
  },
]

const approvalCases: Case[] = [
  {
    route: 'GET /api/v1/approvals',
    kind: 'userAgent',
    url: (id) => `/api/v1/approvals?user_agent_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  {
    route: 'GET /api/v1/approvals',
    kind: 'waitingRun',
    url: (id) => `/api/v1/approvals?run_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  { route: 'GET /api/v1/approvals/{id}', kind: 'approval', url: at('approvals/{id}'), status: 200 },
  {
    route: 'POST /api/v1/approvals/{id}/decision',
    kind: 'approval',
    url: at('approvals/{id}/decision'),
    payload: () => ({ decision: 'refuse' }),
    status: 200,
  },
  {
    route: 'POST /api/v1/agent-logs/{id}/cancel',
    kind: 'waitingRun',
    url: at('agent-logs/{id}/cancel'),
    status: 202,
  },
  {
    route: 'GET /api/v1/user-agents/{id}/memories',
    kind: 'userAgent',
    url: at('user-agents/{id}/memories'),
    status: 200,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/memories',
    kind: 'userAgent',
    url: at('user-agents/{id}/memories'),
    status: 200,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/memories/{memory_id}',
    kind: 'userAgent',
    url: (id) => `/api/v1/user-agents/${id}/memories/${owned.ids.memory}`,
    status: 204,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/memories/{memory_id}',
    kind: 'memory',
    url: (id, callers) => `/api/v1/user-agents/${callers}/memories/${id}`,
    status: 204,
  },
]

const forAdmins = (one: Omit<Case, 'isForAdmins'>): Case => ({ ...one, isForAdmins: true })
const choice = (plan_id: string) => ({ plan_id })
const planCases: Case[] = [
  {
    route: 'POST /api/v1/me/subscription/preview',
    kind: 'plan',
    url: at('me/subscription/preview'),
    payload: choice,
    status: 200,
  },
  { route: 'POST /api/v1/me/subscription', kind: 'plan', url: at('me/subscription'), payload: choice, status: 200 },
  { route: 'DELETE /api/v1/me/plan-requests/{id}', kind: 'planRequest', url: at('me/plan-requests/{id}'), status: 204 },
  forAdmins({ route: 'GET /api/v1/admin/plans/{id}', kind: 'plan', url: at('admin/plans/{id}'), status: 200 }),
  forAdmins({
    route: 'PATCH /api/v1/admin/plans/{id}',
    kind: 'plan',
    url: at('admin/plans/{id}'),
    payload: () => ({ name: 'Renamed', updated_at: owned.planChangedAt }),
    status: 200,
  }),
  forAdmins({
    route: 'POST /api/v1/admin/plans/{id}/archive',
    kind: 'plan',
    url: at('admin/plans/{id}/archive'),
    status: 200,
  }),
  forAdmins({
    route: 'PUT /api/v1/admin/plans/{id}/offers/{user_id}',
    kind: 'plan',
    url: (id) => `/api/v1/admin/plans/${id}/offers/${owned.ids.user}`,
    status: 204,
  }),
  forAdmins({
    route: 'DELETE /api/v1/admin/plans/{id}/offers/{user_id}',
    kind: 'user',
    url: (id) => `/api/v1/admin/plans/${owned.ids.plan}/offers/${id}`,
    status: 204,
  }),
  forAdmins({
    route: 'GET /api/v1/admin/subscriptions',
    kind: 'plan',
    url: (id) => `/api/v1/admin/subscriptions?plan_id=${id}`,
    status: 200,
  }),
  forAdmins({
    route: 'PUT /api/v1/admin/users/{id}/subscription',
    kind: 'user',
    url: at('admin/users/{id}/subscription'),
    payload: () => ({ plan_id: owned.ids.plan, source: 'comp', reason: 'A test' }),
    status: 200,
  }),
  forAdmins({
    route: 'GET /api/v1/admin/users/{id}/subscription/events',
    kind: 'user',
    url: at('admin/users/{id}/subscription/events'),
    status: 200,
  }),
  // 409: they have no subscription, which only admins are told.
  forAdmins({
    route: 'DELETE /api/v1/admin/users/{id}/subscription',
    kind: 'user',
    url: at('admin/users/{id}/subscription'),
    payload: () => ({ at: 'now', reason: 'A test' }),
    status: 409,
  }),
  ...(['accept', 'refuse'] as const).map((answer) =>
    forAdmins({
      route: `POST /api/v1/admin/plan-requests/{id}/${answer}`,
      kind: 'planRequest',
      url: at(`admin/plan-requests/{id}/${answer}`),
      payload: () => ({}),
      status: 200,
    }),
  ),
]

export const cases: Case[] = [
  ...planCases,
  ...integrationCases,
  ...approvalCases,
  { route: 'GET /api/v1/agents/{id}', kind: 'agent', url: at('agents/{id}'), status: 200 },
  {
    route: 'PATCH /api/v1/agents/{id}',
    kind: 'agent',
    url: at('agents/{id}'),
    payload: () => ({ name: 'Renamed' }),
    status: 200,
  },
  { route: 'DELETE /api/v1/agents/{id}', kind: 'agent', url: at('agents/{id}'), status: 204 },
  { route: 'POST /api/v1/agents/{id}/publication', kind: 'agent', url: at('agents/{id}/publication'), status: 200 },
  { route: 'DELETE /api/v1/agents/{id}/publication', kind: 'agent', url: at('agents/{id}/publication'), status: 200 },
  {
    route: 'POST /api/v1/admin/agents/{id}/publication',
    kind: 'agent',
    url: at('admin/agents/{id}/publication'),
    payload: () => ({ decision: 'publish' }),
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'PATCH /api/v1/admin/users/{id}',
    kind: 'user',
    url: at('admin/users/{id}'),
    payload: () => ({ is_suspended: true }),
    status: 200,
    isForAdmins: true,
  },
  { route: 'GET /api/v1/admin/users/{id}', kind: 'user', url: at('admin/users/{id}'), status: 200, isForAdmins: true },
  {
    route: 'GET /api/v1/admin/users',
    kind: 'user',
    url: (id) => `/api/v1/admin/users?plan_id=${id}`,
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'POST /api/v1/admin/users/{id}/sign-out',
    kind: 'user',
    url: (id) => `/api/v1/admin/users/${id}/sign-out?api_keys=true`,
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'GET /api/v1/admin/audit-log',
    kind: 'user',
    url: (id) => `/api/v1/admin/audit-log?target_id=${id}`,
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'PUT /api/v1/admin/models/prices/{model}',
    kind: 'user',
    url: () => '/api/v1/admin/models/prices/openai%2Fgpt-5',
    payload: () => ({ input_usd: 1, output_usd: 2 }),
    status: 200,
    isForAdmins: true,
  },
  {
    // What the case before has set.
    route: 'DELETE /api/v1/admin/models/prices/{model}',
    kind: 'user',
    url: () => '/api/v1/admin/models/prices/openai%2Fgpt-5',
    status: 204,
    isForAdmins: true,
  },
  {
    route: 'PATCH /api/v1/api-keys/{id}',
    kind: 'apiKey',
    url: at('api-keys/{id}'),
    payload: () => ({ name: 'Renamed' }),
    status: 200,
  },
  { route: 'DELETE /api/v1/api-keys/{id}', kind: 'apiKey', url: at('api-keys/{id}'), status: 204 },
  { route: 'DELETE /api/v1/me/sessions/{id}', kind: 'session', url: at('me/sessions/{id}'), status: 204 },
  {
    route: 'POST /api/v1/user-agents',
    kind: 'agent',
    url: () => '/api/v1/user-agents',
    payload: (agent_id) => ({ agent_id, settings: { business_name: 'Lamp & Co' } }),
    status: 201,
  },
  { route: 'GET /api/v1/user-agents/{id}', kind: 'userAgent', url: at('user-agents/{id}'), status: 200 },
  {
    route: 'PATCH /api/v1/user-agents/{id}',
    kind: 'userAgent',
    url: at('user-agents/{id}'),
    payload: () => ({ name: 'Renamed' }),
    status: 200,
  },
  { route: 'DELETE /api/v1/user-agents/{id}', kind: 'userAgent', url: at('user-agents/{id}'), status: 204 },
  {
    route: 'POST /api/v1/user-agents/{id}/runs',
    kind: 'userAgent',
    url: at('user-agents/{id}/runs'),
    payload: () => ({ input: 'Hello' }),
    status: 200,
  },
  {
    route: 'POST /api/v1/user-agents/{id}/runs',
    kind: 'log',
    url: (_id, callers) => `/api/v1/user-agents/${callers}/runs`,
    payload: (conversation_id) => ({ input: 'Hello', conversation_id }),
    status: 200,
  },
  {
    route: 'GET /api/v1/user-agents/{id}/conversations',
    kind: 'userAgent',
    url: at('user-agents/{id}/conversations'),
    status: 200,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/conversations/{conversation_id}',
    kind: 'userAgent',
    url: (id) => `/api/v1/user-agents/${id}/conversations/${owned.ids.log}`,
    status: 204,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/conversations/{conversation_id}',
    kind: 'log',
    url: (id, callers) => `/api/v1/user-agents/${callers}/conversations/${id}`,
    status: 204,
  },
  { route: 'GET /v1/models/{model}', kind: 'userAgent', url: (id) => `/v1/models/${id}`, status: 200 },
  {
    route: 'POST /v1/chat/completions',
    kind: 'userAgent',
    url: () => '/v1/chat/completions',
    payload: (model) => ({ model, messages: [{ role: 'user', content: 'Hello' }] }),
    status: 200,
  },
  ...filtered('GET /api/v1/agent-logs'),
  {
    route: 'GET /api/v1/agent-logs',
    kind: 'log',
    url: (id) => `/api/v1/agent-logs?after=${id}`,
    status: 200,
    hides: 'empty',
  },
  ...filtered('GET /api/v1/agent-logs/export'),
  ...filtered('DELETE /api/v1/agent-logs'),
  {
    route: 'GET /api/v1/agent-logs/activity',
    kind: 'userAgent',
    url: (id) => `/api/v1/agent-logs/activity?user_agent_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  {
    route: 'GET /api/v1/usage',
    kind: 'userAgent',
    url: (id) => `/api/v1/usage?user_agent_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  { route: 'GET /api/v1/agent-logs/{id}', kind: 'log', url: at('agent-logs/{id}'), status: 200 },
  { route: 'DELETE /api/v1/agent-logs/{id}', kind: 'log', url: at('agent-logs/{id}'), status: 204 },
  // 409: it has ended already, which only its owner is told.
  { route: 'POST /api/v1/agent-logs/{id}/cancel', kind: 'log', url: at('agent-logs/{id}/cancel'), status: 409 },
  {
    route: 'PUT /api/v1/agent-logs/{id}/rating',
    kind: 'log',
    url: at('agent-logs/{id}/rating'),
    payload: () => ({ rating: 1 }),
    status: 200,
  },
]
