import type { Capabilities, Settings, SettingsSchema } from '../../server/src/agents/capabilities.ts'
import type { AgentType, PlanFeatures } from '../../server/src/catalogue/catalogue-schemas.ts'
import type { Fault } from './api-error.ts'

interface User {
  id: string
  email: string
  first_name: string | null
  last_name: string | null
  avatar_url: string | null
  role: 'user' | 'admin'
  created_at: string
  updated_at: string
}
interface Session {
  user: User
  access_token: string
  token_type: 'bearer'
  expires_in: number
  refresh_token: string
}
interface Change {
  version: number
  summary: string
}
interface AgentSummary {
  id: string
  name: string
  description: string
  type: AgentType
  slug: string | null
  is_public: boolean
  version: number
  creator: { id: string; name: string } | null
  is_mine: boolean
  publication: 'private' | 'requested' | 'public' | 'declined'
  publication_note: string | null
  starters: string[]
  updated_at: string
  created_at: string
}
interface Agent extends AgentSummary {
  capabilities: Capabilities
  changes: Change[]
}
interface UserAgent {
  id: string
  name: string
  agent_id: string
  agent: { name: string; description: string; type: AgentType; version: number }
  agent_version: number
  settings: Settings
  is_active: boolean
  model: string | null
  starters: string[]
  settings_schema: SettingsSchema
  created_at: string
  updated_at: string
  update: { version: number; changes: Change[]; settings_schema: SettingsSchema; faults: Fault[] } | null
}
interface ApiKey {
  id: string
  name: string
  prefix: string
  last_used_at: string | null
  expires_at: string | null
  revoked_at: string | null
  created_at: string
}
interface AgentLogSummary {
  id: string
  timestamp: string
  agent_id: string | null
  agent_name: string | null
  user_agent_id: string | null
  user_agent_name: string | null
  conversation_id: string
  status: 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted'
  error_code: string | null
  source: 'chat' | 'api' | 'openai'
  model: string | null
  input: string
  output: string | null
  input_tokens: number | null
  output_tokens: number | null
  cost_usd: number | null
  latency_ms: number | null
  rating: -1 | 1 | null
}
interface AgentLog extends AgentLogSummary {
  rating_comment: string | null
  metadata: Record<string, unknown>
}
interface Page<Row> {
  data: Row[]
  next_cursor: string | null
}
interface PageQuery {
  limit?: number
  cursor?: string
}
interface LogFilters {
  agent_id?: string
  user_agent_id?: string
  conversation_id?: string
  status?: AgentLogSummary['status']
  from?: string
  to?: string
  search?: string
}
interface ById {
  params: { id: string }
}
type NewAgent = { name: string; description: string; type: AgentType; capabilities: unknown }

export interface TemporaryRoutes {
  'POST /api/v1/auth/sign-up': {
    body: { email: string; password: string; first_name?: string; last_name?: string }
    response: Session
  }
  'POST /api/v1/auth/sign-in': { body: { email: string; password: string }; response: Session }
  'POST /api/v1/auth/sign-out': { response: undefined }
  'GET /api/v1/me': { response: User }
  'PATCH /api/v1/me': {
    body: { first_name?: string | null; last_name?: string | null; avatar_url?: string | null }
    response: User
  }
  'DELETE /api/v1/me': { body: { password: string }; response: undefined }
  'POST /api/v1/me/password': { body: { current_password: string; new_password: string }; response: undefined }
  'GET /api/v1/me/export': { response: unknown }
  'GET /api/v1/me/sessions': {
    response: {
      data: {
        id: string
        user_agent_header: string | null
        created_at: string
        rotated_at: string | null
        expires_at: string
        is_current: boolean
      }[]
    }
  }
  'DELETE /api/v1/me/sessions/:id': ById & { response: undefined }
  'GET /api/v1/api-keys': { response: { data: ApiKey[] } }
  'POST /api/v1/api-keys': { body: { name: string; expires_at?: string }; response: ApiKey & { key: string } }
  'PATCH /api/v1/api-keys/:id': ById & { body: { name: string }; response: ApiKey }
  'DELETE /api/v1/api-keys/:id': ById & { response: undefined }
  'GET /api/v1/admin/users': {
    query?: PageQuery & { search?: string }
    response: Page<User & { suspended_at: string | null }>
  }
  'PATCH /api/v1/admin/users/:id': ById & { body: { role?: 'user' | 'admin'; is_suspended?: boolean }; response: User }
  'GET /api/v1/agents': {
    query?: PageQuery & { search?: string; type?: AgentType; mine?: boolean }
    response: Page<AgentSummary>
  }
  'GET /api/v1/agents/:id': ById & { response: Agent }
  'POST /api/v1/agents': { body: NewAgent; response: Agent }
  'PATCH /api/v1/agents/:id': ById & { body: Partial<NewAgent> & { change_summary?: string }; response: Agent }
  'DELETE /api/v1/agents/:id': ById & { query?: { force?: boolean }; response: undefined }
  'POST /api/v1/agents/:id/publication': ById & { response: Agent }
  'DELETE /api/v1/agents/:id/publication': ById & { response: Agent }
  'GET /api/v1/admin/publication-requests': { query?: PageQuery; response: Page<Agent> }
  'POST /api/v1/admin/agents/:id/publication': ById & {
    body: { decision: 'publish' | 'decline'; note?: string }
    response: Agent
  }
  'GET /api/v1/models': {
    response: { data: { id: string; label: string; provider: string; is_built_in: boolean; is_default: boolean }[] }
  }
  'GET /api/v1/plans': {
    response: {
      data: {
        id: string
        slug: string | null
        name: string
        description: string
        price: string
        features: PlanFeatures
      }[]
    }
  }
  'GET /api/v1/user-agents': { query?: PageQuery; response: Page<UserAgent> }
  'POST /api/v1/user-agents': {
    body: { agent_id: string; name?: string; settings: Settings; model?: string | null }
    response: UserAgent
  }
  'GET /api/v1/user-agents/:id': ById & { response: UserAgent }
  'PATCH /api/v1/user-agents/:id': ById & {
    body: { name?: string; settings?: Settings; is_active?: boolean; model?: string | null; agent_version?: number }
    response: UserAgent
  }
  'DELETE /api/v1/user-agents/:id': ById & { response: undefined }
  'POST /api/v1/user-agents/:id/runs': ById & {
    body: { input: string; conversation_id?: string; stream?: boolean }
    response: { id: string; conversation_id: string; status: string; output: string | null }
  }
  'POST /api/v1/agent-logs/:id/cancel': ById & { response: undefined }
  'GET /api/v1/user-agents/:id/conversations': ById & {
    query?: PageQuery
    response: Page<{ id: string; title: string; timestamp: string }>
  }
  'DELETE /api/v1/user-agents/:id/conversations/:conversation_id': {
    params: { id: string; conversation_id: string }
    response: undefined
  }
  'GET /api/v1/agent-logs': {
    query?: PageQuery & LogFilters & { order?: 'asc' | 'desc' }
    response: Page<AgentLogSummary>
  }
  'GET /api/v1/agent-logs/:id': ById & { response: AgentLog }
  'PUT /api/v1/agent-logs/:id/rating': ById & {
    body: { rating: 1 | -1 | null; comment?: string | null }
    response: AgentLog
  }
  'DELETE /api/v1/agent-logs/:id': ById & { response: undefined }
  'DELETE /api/v1/agent-logs': { query?: LogFilters; response: { deleted: number } }
  'GET /api/v1/agent-logs/export': { query?: LogFilters & { format?: 'ndjson' | 'csv' }; response: unknown }
  'GET /api/v1/agent-logs/activity': {
    query?: { days?: number; user_agent_id?: string }
    response: { data: { day: string; succeeded: number; failed: number; other: number }[] }
  }
}
