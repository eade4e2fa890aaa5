import type { Database } from '../../server/src/database/database.ts'
import { lowestIdOf } from '../../server/src/database/uuid-v7.ts'
import { compareUsers } from '../../server/src/usage/reconciliation-queries.ts'
import type { Limits } from './judge-plans.ts'
import type { ManyLogs } from './many-logs.ts'
import { accounts } from './many-others.ts'
import { waitingRuns } from './many-run-traces.ts'
import type { Sizes } from './route-limits.ts'

/*
 * Every part of server/src/maintenance.ts by its name, and what its statements may do. A part that is not here fails the
 * test. What is not named finds what is due by an index, as a page of a list is found.
 */

export interface JobLimits {
  limits?: Limits
  /** Why nothing of it goes through the database of the server. */
  asksNothing?: string
  /** In place of the whole job, which goes through all accounts: one page of it. */
  page?: (database: Database, filled: ManyLogs) => Promise<unknown>
}

const byOwner = 'it asks on a connection of the owner, and the catalogue alone'

export function limitsOfJobs({ month, heavyMonth }: Sizes): Record<string, JobLimits> {
  return {
    // Every minute.
    'looking for Ollama': { asksNothing: 'it asks Ollama' },
    'ending and renewing subscriptions': {},
    // The month of everybody who ran something in it, once, beside what their plan has: plans and caps may change at any time.
    'telling of limits that are near': {
      limits: { whole: ['users', 'subscriptions', 'usage_months'], rows: 5 * accounts, buffers: accounts },
    },
    'telling of subscriptions': {},
    // Every hour.
    'making partitions': { asksNothing: byOwner },
    'looking at partitions': { asksNothing: byOwner },
    'forgetting what has expired': {},
    'forgetting old messages to webhooks': { limits: { rows: 10_000, buffers: 20_000 } },
    // All that wait: any of them may have lost its user agent.
    'ending runs that waited too long': {
      limits: { whole: ['waiting_runs', 'user_agents'], rows: 3 * waitingRuns, buffers: 5 * waitingRuns },
    },
    // All that have not ended: any of them may have lost its server or its log.
    'settling runs that nobody else will': {
      limits: {
        whole: ['run_reservations', 'waiting_runs'],
        rows: 3 * waitingRuns,
        sorted: 1000,
        buffers: 5 * waitingRuns,
      },
    },
    'noting the head of the audit log': {},
    // An hour of everybody's logs.
    'counting usage': { limits: { logRows: 1000, sorted: 1000 } },
    // Whether any plan forgets logs; below is what happens then.
    'forgetting old logs': { limits: { whole: ['users', 'subscriptions'], rows: 4 * accounts, buffers: 4 * accounts } },
    // Two hundred users, each with the hours of the month; the heavy one may be among them.
    'comparing limits with logs': {
      limits: { rows: 200 * 150 + 2 * heavyMonth, logRows: 2000, buffers: 200 * 300 + month },
      page: (database, { end }) =>
        database.asSystem('a test compares a page of users', (tx) =>
          compareUsers(tx, {
            month: `${end.toISOString().slice(0, 7)}-01`,
            after: lowestIdOf(new Date(end.getTime() - 60_000)),
            limit: 200,
          }),
        ),
    },
  }
}
