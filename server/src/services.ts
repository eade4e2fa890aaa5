import { createJobRecords } from './admin/system/job-records.ts'
import { createRecentErrors, type RecentErrors } from './admin/system/recent-errors.ts'
import type { Services } from './app.ts'
import { createBackupWatch } from './backup/backup-status.ts'
import type { Config } from './config.ts'
import type { Database } from './database/database.ts'
import { queueRunEnded } from './integrations/deliveries/queue-run-ended.ts'
import { createIntegrationTypes } from './integrations/integration-types.ts'
import { listConnectedTools } from './integrations/list-connected-tools.ts'
import type { Log } from './log.ts'
import { openMailer } from './mail/open-mailer.ts'
import { createActiveRuns } from './runtime/active-runs.ts'
import { createConfiguredAgents } from './runtime/configured-agents.ts'
import { createModels } from './runtime/models/create-models.ts'
import { createBuiltInTools } from './runtime/tools/built-in-tools.ts'
import { createUnsettledRuns } from './runtime/unsettled-runs.ts'
import { createStripeService } from './stripe/create-stripe-service.ts'
import { createUrlGuard, type UrlGuard } from './url-guard/url-guard.ts'

const pageBytes = 2 * 1024 * 1024

/** Everything the routes work with, on an open database. `cancelElsewhere` reaches the other servers on it. */
export function createServices(
  base: Pick<Services, 'database' | 'signingKey' | 'keyring' | 'nodeId' | 'cancelElsewhere'> & {
    config: Config
    log: Log
    database: Database
    recentErrors?: RecentErrors
  },
): Services {
  const { config } = base
  const urlGuard = createUrlGuardOf(config)
  const activeRuns = createActiveRuns(config.runs)
  const jobs = createJobRecords(base)
  const integrationServices = {
    ...base,
    urlGuard,
    integrationTypes: createIntegrationTypes(config),
  }
  return {
    ...base,
    ...integrationServices,
    async tellRunEnded(claims, { userAgentId, input }, { id, conversationId, outcome }, connectedTypes) {
      if (!connectedTypes.includes('webhook')) return
      const ended = {
        id,
        user_agent_id: userAgentId,
        conversation_id: conversationId,
        status: outcome.status,
        input,
        output: outcome.output,
        error_code: outcome.error_code,
      }
      await queueRunEnded(integrationServices, claims, ended).catch((err: unknown) =>
        base.log.error({ err, run_id: id }, 'webhooks were not told of the end of a run'),
      )
    },
    listConnectedTools: (claims, userAgentId, types) =>
      listConnectedTools(integrationServices, claims, userAgentId, types),
    mailer: openMailer(config),
    stripe: createStripeService({ ...base, jobs }),
    backupWatch: createBackupWatch(config.backup),
    partitionWatch: { faults: [] },
    jobs,
    recentErrors: base.recentErrors ?? createRecentErrors(),
    models: createModels(config.models),
    activeRuns,
    unsettledRuns: createUnsettledRuns({ ...base, activeRuns }),
    configuredAgents: createConfiguredAgents(base.database),
    tools: createBuiltInTools({ urlGuard, now: () => new Date() }),
  }
}

export function createUrlGuardOf({ allowedPrivateHosts }: Pick<Config, 'allowedPrivateHosts'>): UrlGuard {
  return createUrlGuard({ allowedPrivateHosts, maxBytes: pageBytes, timeoutMs: 15_000, maxRedirects: 5 })
}
