import cookie from '@fastify/cookie'
import fastify, { LogController } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { addAdminModelRoutes } from './admin/models/admin-model-routes.ts'
import { addRevenueRoutes } from './admin/revenue/revenue-routes.ts'
import type { JobRecords } from './admin/system/job-records.ts'
import type { RecentErrors } from './admin/system/recent-errors.ts'
import { addSystemRoutes } from './admin/system/system-routes.ts'
import { addAdminUserRoutes } from './admin/users/admin-user-routes.ts'
import { addAgentLogRoutes } from './agent-logs/agent-log-routes.ts'
import { addAgentRoutes } from './agents/agent-routes.ts'
import { addApiKeyRoutes } from './api-keys/api-key-routes.ts'
import { addApprovalRoutes } from './approvals/approval-routes.ts'
import { addAuditLogRoutes } from './audit-log/audit-log-routes.ts'
import { createAccessTokens } from './auth/access-token.ts'
import { addAuthRoutes } from './auth/auth-routes.ts'
import { addAuthentication, createAuthenticate } from './auth/authenticate.ts'
import type { SigningKey } from './auth/signing-key.ts'
import { createSupabaseTokens } from './auth/supabase-token.ts'
import type { BackupWatch } from './backup/backup-status.ts'
import type { Config } from './config.ts'
import { addConversationRoutes } from './conversations/conversation-routes.ts'
import type { Keyring } from './crypto/keyring.ts'
import type { PartitionWatch } from './database/partitions.ts'
import { createId } from './database/uuid-v7.ts'
import type { App } from './http/app-types.ts'
import { answerBrokenRequest } from './http/broken-request.ts'
import { addHealthRoutes } from './http/health-routes.ts'
import { addJsonBody } from './http/json-body.ts'
import { sendProblem } from './http/problem.ts'
import { addOpenApi, addReference } from './http/reference.ts'
import { addSecurityHeaders } from './http/security-headers.ts'
import { addWebApp } from './http/web-app.ts'
import { addDeliveryRoutes } from './integrations/deliveries/delivery-routes.ts'
import { addIntegrationRoutes } from './integrations/integration-routes.ts'
import type { IntegrationServices } from './integrations/integration-services.ts'
import { addIntegrationTypeRoutes } from './integrations/integration-type-routes.ts'
import { addOAuthRoutes } from './integrations/oauth/oauth-routes.ts'
import { addLimitRoutes } from './limits/limit-routes.ts'
import type { Mailer } from './mail/open-mailer.ts'
import { addMemoryRoutes } from './memories/memory-routes.ts'
import { addModelRoutes } from './models/model-routes.ts'
import { addOpenAiRoutes } from './openai/chat-completion-routes.ts'
import { addPlanRoutes } from './plans/plan-routes.ts'
import type { RunServices } from './runtime/run-agent.ts'
import { addStripeRoutes } from './stripe/stripe-routes.ts'
import type { StripeService } from './stripe/stripe-service.ts'
import { addSubscriptionAdminRoutes } from './subscriptions/subscription-admin-routes.ts'
import { addSubscriptionRoutes } from './subscriptions/subscription-routes.ts'
import { addUsageRoutes } from './usage/usage-routes.ts'
import { addRunRoutes } from './user-agents/run-routes.ts'
import { addUserAgentRoutes } from './user-agents/user-agent-routes.ts'
import { addUserRoutes } from './users/user-routes.ts'

/** What the routes work with; made once by `start.ts` or by a test. */
export interface Services extends RunServices, IntegrationServices {
  config: Config
  integrationTypes: IntegrationServices['integrationTypes']
  signingKey: SigningKey
  /** The keys for secrets at rest. */
  keyring: Keyring
  mailer: Mailer
  backupWatch: BackupWatch
  /** Null: plans are not sold by Stripe here. */
  stripe: StripeService | null
  partitionWatch: PartitionWatch
  jobs: JobRecords
  recentErrors: RecentErrors
}

const bodyLimitBytes = 1024 * 1024

/** The HTTP server with every route, not yet listening. */
export async function createApp(services: Services): Promise<App> {
  const { config } = services
  const app: App = fastify({
    loggerInstance: services.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    trustProxy: config.trustProxy.length > 0 ? config.trustProxy : false,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // Node looks only this often for clients that are too slow, and would do so every 30 seconds.
    http: { connectionsCheckingInterval: 5000 },
    routerOptions: { maxParamLength: 200 },
    // Unlike a counter, the same on no other node and after no restart.
    genReqId: createId,
    frameworkErrors: (error, request, reply) =>
      sendProblem(error, request, reply.header('x-content-type-options', 'nosniff')),
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(sendProblem)
  addJsonBody(app)
  app.server.headersTimeout = 15_000
  await app.register(cookie)
  await addSecurityHeaders(app, config.publicUrl)
  const accessTokens = createAccessTokens(services)
  addAuthentication(
    app,
    createAuthenticate({ ...services, accessTokens, supabaseTokens: createSupabaseTokens(services) }),
  )
  await addOpenApi(app)
  addRoutes(app, services)
  await addReference(app)
  await addWebApp(app)
  return app
}

function addRoutes(app: App, services: Services): void {
  addHealthRoutes(app, services)
  addSystemRoutes(app, services)
  addAuthRoutes(app, services)
  addUserRoutes(app, services)
  addAdminUserRoutes(app, services)
  addAdminModelRoutes(app, services)
  addRevenueRoutes(app, services)
  addAuditLogRoutes(app, services)
  addApiKeyRoutes(app, services)
  addAgentRoutes(app, services)
  addUserAgentRoutes(app, services)
  addIntegrationTypeRoutes(app, services)
  addIntegrationRoutes(app, services)
  addOAuthRoutes(app, services)
  addDeliveryRoutes(app, services)
  addPlanRoutes(app, services)
  addSubscriptionRoutes(app, services)
  addSubscriptionAdminRoutes(app, services)
  addStripeRoutes(app, services)
  addLimitRoutes(app, services)
  addModelRoutes(app, services)
  addRunRoutes(app, services)
  addApprovalRoutes(app, services)
  addMemoryRoutes(app, services)
  addOpenAiRoutes(app, services)
  addAgentLogRoutes(app, services)
  addConversationRoutes(app, services)
  addUsageRoutes(app, services)
}
