import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { ModelAnswer } from './call-model-answer.ts'
import type { ApprovalRequest, Citation, RunStep } from './run-types.ts'

/**
 * What `waiting_runs.state` holds besides what stands in the log: all a server needs to go on with a run that another
 * one began. Fields may be added, with a default where they are read: a run may wait across an upgrade.
 */
export interface WaitingState {
  version: 1
  model: string
  /** The whole prompt up to the answer that asked for the calls. */
  prompt: LanguageModelV4Prompt
  /** The step of that answer, with the results that are there already. The log has it too, but jsonb changes the order of fields. */
  step: RunStep
  /** That answer, as the provider demands it back. */
  answer_content: ModelAnswer['content']
  approvals: ApprovalRequest[]
  citations: Citation[]
  output: string
  tool_call_count: number
  has_untrusted: boolean
  shown_tools: string[]
  /** Which tool each name meant: names move when an integration is removed, and an approval must not move along. */
  tools: { name: string; integration_id: string | null; own_name: string }[]
  /** Time spent so far, without waiting. */
  worked_ms: number
}
