import { insertTestLog } from '../agent-logs/agent-log-testing.ts'
import type { RunEnd } from '../agent-logs/run-log-queries.ts'
import type { Database } from '../database/database.ts'
import { createId, readIdTime } from '../database/uuid-v7.ts'
import type { WaitingState } from '../runtime/waiting-state.ts'
import { saveWaitingRun } from './waiting-run-queries.ts'

const call = { id: 'call_1', name: 'mail__send', input: { to: 'anna@example.com' } }

/** A run that waits for one call of a tool that is not there, so that deciding about it does nothing outside. */
export async function insertWaitingRun(
  database: Database,
  of: { userId: string; userAgentId: string },
): Promise<{ runId: string; approvalId: string }> {
  const { end, approvalId } = await insertRunToWait(database, of)
  await saveWaitingRun(database, { sub: of.userId, user_role: 'user' }, end, end.waiting)
  return { runId: end.id, approvalId }
}

/** A run that still runs, and the end that lets it wait. */
export async function insertRunToWait(
  database: Database,
  { userId, userAgentId }: { userId: string; userAgentId: string },
): Promise<{ end: RunEnd & Required<Pick<RunEnd, 'waiting'>>; approvalId: string }> {
  const runId = await insertTestLog(database, { user_id: userId, user_agent_id: userAgentId, status: 'running' })
  const counts = { input_tokens: 1, output_tokens: 1 }
  const step = {
    ...counts,
    text: '',
    tool_calls: [call],
    tool_results: [],
    finish_reason: 'tool-calls',
    duration_ms: 1,
    retries: 0,
  }
  const approvalId = createId()
  const state = describeState(step, approvalId)
  const nothing = {
    error_code: null,
    error_detail: null,
    retry_after_seconds: null,
    citations: [],
    is_sanitised: false,
  }
  const outcome = {
    ...counts,
    ...nothing,
    status: 'waiting' as const,
    output: '',
    steps: [step],
    finish_reason: 'tool-calls',
    has_untrusted: false,
  }
  const end = {
    id: runId,
    timestamp: readIdTime(runId),
    outcome,
    model: state.model,
    costUsd: 0,
    latencyMs: 1,
    metadata: { steps: [step] },
  }
  const expiresAt = new Date(Date.now() + 3_600_000)
  return { end: { ...end, waiting: { userAgentId, expiresAt, state } }, approvalId }
}

function describeState(step: WaitingState['step'], approvalId: string): WaitingState {
  return {
    version: 1,
    model: 'built-in/retrieval',
    prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    step,
    answer_content: [{ type: 'tool-call', toolCallId: call.id, toolName: call.name, input: '{}' }],
    approvals: [
      {
        id: approvalId,
        tool_call_id: call.id,
        tool: call.name,
        title: 'Send a mail',
        description: 'Send a mail to anna@example.com',
        reason: 'writes',
        integration_id: null,
        input: call.input,
        input_schema: { type: 'object' },
      },
    ],
    citations: [],
    output: '',
    tool_call_count: 1,
    has_untrusted: false,
    shown_tools: [],
    tools: [],
    worked_ms: 1,
  }
}
