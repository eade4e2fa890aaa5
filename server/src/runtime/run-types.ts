import type { JSONSchema7 } from '@ai-sdk/provider'
import type { Capabilities, Settings } from '../agents/capabilities.ts'
import type { ErrorCode } from '../errors.ts'
import type { CostBudget } from '../limits/run-limit.ts'
import type { Model } from './models/model-registry.ts'
import type { RunMemories } from './run-memories.ts'
import type { WaitingState } from './waiting-state.ts'

/** A part of a text in the settings that an answer rests on. */
export interface Citation {
  /** Number in square brackets in the answer, from 1. */
  number: number
  /** Where it stands, as a person would say it: `FAQ: Do you ship abroad?` or `About us`. */
  title: string
  /** The setting it comes from, as a JSON pointer: `/faq/2`. */
  path: string
  excerpt: string
}

export interface ToolCall {
  id: string
  name: string
  input: unknown
}

export interface ToolResult {
  id: string
  name: string
  output: unknown
  is_error: boolean
  duration_ms: number
  /** The whole of a result of which the model got the beginning; at most 1 MB. For the log alone. */
  full_output?: unknown
  /** Present when strangers may have written a part of it. */
  is_untrusted?: true
  /** Present when its owner said no: nothing was executed. */
  is_refused?: true
  /** Present when it was asked for first. */
  approval?: { id: string; decision: 'approve' | 'refuse'; comment: string | null; edited_input?: unknown }
}

/** A call that waits for its owner. */
export interface ApprovalRequest {
  id: string
  tool_call_id: string
  /** As the model knows it. */
  tool: string
  title: string
  /** What will be done, in one line. */
  description: string
  reason: 'writes' | 'after_untrusted'
  integration_id: string | null
  input: unknown
  input_schema: JSONSchema7
}

/** What its owner said to such a call. */
export interface ApprovalDecision {
  id: string
  tool_call_id: string
  decision: 'approve' | 'refuse'
  comment: string | null
  /** Present when it was changed before it was approved. */
  edited_input?: unknown
}

/** One call of the model and the tools it asked for; kept in `metadata.steps`. */
export interface RunStep {
  text: string
  tool_calls: ToolCall[]
  tool_results: ToolResult[]
  finish_reason: string
  input_tokens: number
  output_tokens: number
  duration_ms: number
  /** How often the provider was asked again before this step came through. */
  retries: number
  /** Present when the answer broke off before the provider counted the tokens: four characters are taken for one. */
  is_usage_estimated?: true
}

export type RunEvent =
  | { kind: 'text-delta'; text: string }
  | { kind: 'tool-call'; call: ToolCall; title?: string }
  /** After the run was saved as waiting, so that it can be decided at once. */
  | { kind: 'approval-request'; approval: ApprovalRequest; expiresAt: Date }
  | { kind: 'approval-decision'; call: ToolCall; approval: ApprovalRequest; decision: ApprovalDecision }
  | { kind: 'tool-result'; result: ToolResult }
  | { kind: 'citation'; citation: Citation }
  | { kind: 'step-end' }

/** What a run was asked to do, with everything it needs: nothing below this line reads the database. */
export interface RunRequest {
  agentName: string
  capabilities: Capabilities
  settings: Settings
  model: Model
  history: { role: 'user' | 'assistant'; text: string }[]
  /** What the calling program tells the model besides the agent's own instructions. */
  extraInstructions?: string
  input: string
  memories: RunMemories
  /** Content from outside is in the history. */
  hasUntrusted?: boolean
  limits: RunLimits
  signal: AbortSignal
  /** Present: the model is asked to stream and each event is handed over as it comes. Absent: one answer at the end. */
  onEvent?: (event: RunEvent) => void
  /** Present: a run that waited goes on. */
  resume?: ResumedRun
}

/** A run as it stood when it began to wait, and what was decided since. */
export interface ResumedRun {
  state: WaitingState
  steps: RunStep[]
  decisions: ApprovalDecision[]
}

export interface RunLimits {
  maxSteps: number
  maxToolCalls: number
  timeoutMs: number
  firstByteTimeoutMs: number
  idleTimeoutMs: number
  /** What the run may still cost; past it, it ends before the next step with this code. Unknown prices are not counted. */
  cost?: CostBudget
  /** Wait before the first retry of a model call; doubles each time. Default 500. */
  retryDelayMs?: number
}

/** Tokens and cost for the limits; an unknown price counts as nothing. */
export interface UsedByRun {
  input_tokens: number
  output_tokens: number
  cost_usd: number
}

/** How a run ended. `output` holds what was produced so far also when it did not succeed. */
export interface RunOutcome {
  status: 'succeeded' | 'failed' | 'cancelled' | 'interrupted' | 'waiting'
  output: string
  error_code: ErrorCode | null
  /** For the log: what the provider said, without secrets, at most 500 characters. */
  error_detail: string | null
  /** Seconds the provider asked us to wait, when it did. */
  retry_after_seconds: number | null
  steps: RunStep[]
  /** Those the output names as [n]. */
  citations: Citation[]
  input_tokens: number
  output_tokens: number
  finish_reason: string
  /** True when NUL bytes or lone surrogates were replaced, because PostgreSQL cannot store them. */
  is_sanitised: boolean
  /** Content from outside was in the prompt, of this run or of one whose answer is in its history. */
  has_untrusted: boolean
  /** Present when the status is `waiting`: all that is needed to go on. */
  waiting?: WaitingState
}
