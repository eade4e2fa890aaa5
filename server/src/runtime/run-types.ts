import type { Capabilities, Settings } from '../agents/capabilities.ts'
import type { ErrorCode } from '../errors.ts'
import type { Model } from './models/model-registry.ts'

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
  | { kind: 'tool-call'; call: ToolCall }
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
  limits: RunLimits
  signal: AbortSignal
  /** Present: the model is asked to stream and each event is handed over as it comes. Absent: one answer at the end. */
  onEvent?: (event: RunEvent) => void
}

export interface RunLimits {
  maxSteps: number
  maxToolCalls: number
  timeoutMs: number
  firstByteTimeoutMs: number
  idleTimeoutMs: number
  /** Wait before the first retry of a model call; doubles each time. Default 500. */
  retryDelayMs?: number
}

/** How a run ended. `output` holds what was produced so far also when it did not succeed. */
export interface RunOutcome {
  status: 'succeeded' | 'failed' | 'cancelled' | 'interrupted'
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
}
