import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { errorTable } from '../../../server/src/errors.ts'
import type { Citation, RunStep } from '../../../server/src/runtime/run-types.ts'

/** What the metadata of a log holds about its run; rows written by other versions may lack any of it. */
export interface RunDetails {
  steps: RunStep[]
  citations: Citation[]
  /** What its owner was asked for. */
  approvals: RunApproval[]
  /** What the provider said, without secrets. */
  errorDetail: string | null
  finishReason: string | null
  isBuiltInModel: boolean
}

export type RunApproval = NonNullable<NonNullable<AgentLog['metadata']>['approvals']>[number]

export function readRunDetails(log: Pick<AgentLog, 'metadata' | 'model'>): RunDetails {
  const metadata: Record<string, unknown> = log.metadata ?? {}
  return {
    steps: Array.isArray(metadata.steps) ? (metadata.steps as RunStep[]) : [],
    citations: Array.isArray(metadata.citations) ? (metadata.citations as Citation[]) : [],
    approvals: Array.isArray(metadata.approvals) ? (metadata.approvals as RunApproval[]) : [],
    errorDetail: typeof metadata.error_detail === 'string' ? metadata.error_detail : null,
    finishReason: typeof metadata.finish_reason === 'string' ? metadata.finish_reason : null,
    isBuiltInModel: log.model?.startsWith('built-in/') ?? false,
  }
}

/** What happened and what to do next, for the error code of a run. A code this page does not know keeps its name. */
export function errorWords(code: string): { title: string; action: string } {
  const entry = Object.entries(errorTable).find(([known]) => known === code)?.[1]
  if (entry) return { title: entry[1], action: entry[2].replaceAll('`', '') }
  return { title: `The run failed (${code}).`, action: 'Try again; if it stays, ask the operator of this site.' }
}
