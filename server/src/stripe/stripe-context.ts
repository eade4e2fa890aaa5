import type { JobRecords } from '../admin/system/job-records.ts'
import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import type { StripeAccount } from './stripe-service.ts'

/** What everything about payments works with. */
export interface StripeContext {
  account: StripeAccount
  database: Database
  log: Log
  publicUrl: string
  graceDays: number
  /** Remembers how the work on events went, for the page of admins. */
  jobs?: Pick<JobRecords, 'run'> | undefined
}
