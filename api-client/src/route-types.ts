import type { z } from 'zod'
import type { adminModelRoutes } from '../../server/src/admin/models/admin-model-schemas.ts'
import type { revenueRoutes } from '../../server/src/admin/revenue/revenue-schemas.ts'
import type { systemRoutes } from '../../server/src/admin/system/system-schemas.ts'
import type { adminUserRoutes } from '../../server/src/admin/users/admin-user-schemas.ts'
import type { agentLogRoutes } from '../../server/src/agent-logs/agent-log-schemas.ts'
import type { agentRoutes } from '../../server/src/agents/agent-schemas.ts'
import type { apiKeyRoutes } from '../../server/src/api-keys/api-key-schemas.ts'
import type { approvalRoutes } from '../../server/src/approvals/approval-schemas.ts'
import type { auditLogRoutes } from '../../server/src/audit-log/audit-log-schemas.ts'
import type { authRoutes } from '../../server/src/auth/auth-schemas.ts'
import type { conversationRoutes } from '../../server/src/conversations/conversation-schemas.ts'
import type { deliveryRoutes } from '../../server/src/integrations/deliveries/delivery-schemas.ts'
import type { integrationRoutes } from '../../server/src/integrations/integration-schemas.ts'
import type { limitRoutes } from '../../server/src/limits/limit-schemas.ts'
import type { memoryRoutes } from '../../server/src/memories/memory-schemas.ts'
import type { modelRoutes } from '../../server/src/models/model-schemas.ts'
import type { planRoutes } from '../../server/src/plans/plan-schemas.ts'
import type { stripeRoutes } from '../../server/src/stripe/stripe-schemas.ts'
import type { subscriptionRoutes } from '../../server/src/subscriptions/subscription-schemas.ts'
import type { usageRoutes } from '../../server/src/usage/usage-schemas.ts'
import type { runRoutes } from '../../server/src/user-agents/run-schemas.ts'
import type { userAgentRoutes } from '../../server/src/user-agents/user-agent-schemas.ts'
import type { userRoutes } from '../../server/src/users/user-schemas.ts'

type Schemas = typeof authRoutes &
  typeof userRoutes &
  typeof agentRoutes &
  typeof userAgentRoutes &
  typeof runRoutes &
  typeof integrationRoutes &
  typeof deliveryRoutes &
  typeof approvalRoutes &
  typeof memoryRoutes &
  typeof conversationRoutes &
  typeof agentLogRoutes &
  typeof apiKeyRoutes &
  typeof modelRoutes &
  typeof planRoutes &
  typeof limitRoutes &
  typeof subscriptionRoutes &
  typeof stripeRoutes &
  typeof usageRoutes &
  typeof systemRoutes &
  typeof adminUserRoutes &
  typeof adminModelRoutes &
  typeof revenueRoutes &
  typeof auditLogRoutes

/** `METHOD /path` of every route of the API. */
export type RouteKey = keyof Schemas

/** `params`, `query` and `body` of a request, as they go over the wire. */
export type RequestOf<Key extends RouteKey> = Flatten<
  Part<Schemas[Key], 'params', 'params'> &
    Part<Schemas[Key], 'body', 'body'> &
    Part<Schemas[Key], 'querystring', 'query'>
>

/** The body of a 2xx answer, as it comes over the wire. */
export type ResponseOf<Key extends RouteKey> = Answer<Schemas[Key]>

type Part<Schema, From extends string, To extends string> = Schema extends {
  readonly [name in From]: infer Type extends z.ZodType
}
  ? Record<never, never> extends z.input<Type>
    ? { [name in To]?: z.input<Type> }
    : { [name in To]: z.input<Type> }
  : Record<never, never>

type Answer<Schema> = Schema extends { readonly response: infer Responses }
  ? Success<Responses, keyof Responses & (200 | 201 | 202 | 204)>
  : undefined

type Success<Responses, Status extends keyof Responses> = [Status] extends [never]
  ? undefined
  : Responses[Status] extends infer Type extends z.ZodType
    ? Wire<z.output<Type>>
    : undefined

/** What JSON makes of a value: a Date becomes ISO 8601 text, and nothing becomes undefined. */
type Wire<Value> = Value extends Date
  ? string
  : Value extends null
    ? null
    : Value extends readonly (infer Item)[]
      ? Wire<Item>[]
      : Value extends object
        ? { [name in keyof Value]: Wire<Value[name]> }
        : Value

type Flatten<Type> = { [name in keyof Type]: Type[name] }
