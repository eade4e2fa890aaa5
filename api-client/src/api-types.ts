import type { ResponseOf } from './route-types.ts'

export type User = ResponseOf<'GET /api/v1/me'>
export type Agent = ResponseOf<'GET /api/v1/agents/:id'>
export type AgentSummary = ResponseOf<'GET /api/v1/agents'>['data'][number]
export type UserAgent = ResponseOf<'GET /api/v1/user-agents/:id'>
export type UserAgentUpdate = NonNullable<UserAgent['update']>
export type Plan = ResponseOf<'GET /api/v1/plans'>['data'][number]
export type Model = ResponseOf<'GET /api/v1/models'>['data'][number]
export type ApiKey = ResponseOf<'GET /api/v1/api-keys'>['data'][number]
export type Session = ResponseOf<'GET /api/v1/me/sessions'>['data'][number]
export type AgentLog = ResponseOf<'GET /api/v1/agent-logs/:id'>
export type AgentLogSummary = ResponseOf<'GET /api/v1/agent-logs'>['data'][number]
export type Conversation = ResponseOf<'GET /api/v1/user-agents/:id/conversations'>['data'][number]
export type AdminUser = ResponseOf<'GET /api/v1/admin/users'>['data'][number]
export type IntegrationType = ResponseOf<'GET /api/v1/integration-types/:type'>
export type Integration = ResponseOf<'GET /api/v1/user-agents/:id/integrations/:integration_id'>
export type IntegrationTool = Integration['tools'][number]
export type Approval = ResponseOf<'GET /api/v1/approvals/:id'>
export type Memory = ResponseOf<'GET /api/v1/user-agents/:id/memories'>['data'][number]
