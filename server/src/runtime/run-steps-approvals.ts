import { isDeepStrictEqual } from 'node:util'
import { createId } from '../database/uuid-v7.ts'
import type { ModelAnswer } from './call-model-answer.ts'
import { sanitiseJson, sanitiseText } from './models/sanitise-text.ts'
import type { RunState } from './run-steps-state.ts'
import { checkCall, checkInput, executeCall } from './run-steps-tools.ts'
import type { ApprovalDecision, ApprovalRequest, RunStep, ToolCall, ToolResult } from './run-types.ts'
import type { RunTool } from './tools/run-tool.ts'
import { withoutInvisible } from './untrusted-envelope.ts'
import type { WaitingState } from './waiting-state.ts'

/**
 * Executes the calls of one step at the same time, but not those that have to be asked for: these stay in
 * `state.waitingFor`. What the results of this very step bring decides about the next one, not about its own calls.
 */
export async function runToolCalls(state: RunState, step: RunStep, answer: ModelAnswer): Promise<void> {
  const hadUntrusted = state.hasUntrusted
  const results = await Promise.all(
    step.tool_calls.map(async (call, index) => {
      state.toolCallCount++
      const checked = checkCall(state, call, answer.toolCalls[index])
      const title = state.tools.get(call.name)?.title
      state.request.onEvent?.({ kind: 'tool-call', call, ...(title !== undefined && { title }) })
      const reason = 'tool' in checked ? findReasonToAsk(checked.tool, hadUntrusted) : null
      if ('tool' in checked && reason) {
        state.waitingFor.push(toRequest(checked.tool, call, reason))
        return null
      }
      const work = 'tool' in checked ? { tool: checked.tool, input: call.input, hadUntrusted } : checked
      const result = await executeCall(state, call, work)
      state.request.onEvent?.({ kind: 'tool-result', result })
      return result
    }),
  )
  step.tool_results = results.filter((result) => result !== null)
}

function findReasonToAsk({ effect, permission }: RunTool, hadUntrusted: boolean): 'writes' | 'after_untrusted' | null {
  if (effect === 'writes' && hadUntrusted) return 'after_untrusted'
  return permission === 'ask' ? 'writes' : null
}

function toRequest(tool: RunTool, call: ToolCall, reason: ApprovalRequest['reason']): ApprovalRequest {
  return {
    id: createId(),
    tool_call_id: call.id,
    tool: tool.name,
    title: sanitiseText(tool.title).slice(0, 200).toWellFormed(),
    description: describe(tool, call.input),
    reason,
    integration_id: tool.integrationId,
    input: call.input,
    input_schema: sanitiseJson(tool.inputSchema),
  }
}

/** One line for a person, without signs that could make it look like something else. */
function describe(tool: RunTool, input: unknown): string {
  let text = ''
  try {
    text = tool.describeCall?.(input) ?? ''
  } catch {
    // The type's own words are a convenience; what will be done stands in the input.
  }
  if (text.trim() === '') text = `${tool.title}: ${JSON.stringify(input)}`
  const line = sanitiseText(withoutInvisible(text)).replace(/\s+/g, ' ').trim()
  return line.length > 500 ? `${line.slice(0, 499).toWellFormed()}…` : line
}

/** Does what was decided about the calls that a run waited for, and completes their step. */
export async function runDecidedCalls(state: RunState, step: RunStep, waited: WaitingState): Promise<void> {
  const decisions = new Map(
    (state.request.resume?.decisions ?? []).map((decision) => [decision.tool_call_id, decision]),
  )
  const calls = new Map(step.tool_calls.map((call) => [call.id, call]))
  const decided = waited.approvals.flatMap((approval) => {
    const call = calls.get(approval.tool_call_id)
    const decision = decisions.get(approval.tool_call_id)
    return call && decision ? [{ approval, call, decision }] : []
  })
  for (const { approval, call, decision } of decided)
    state.request.onEvent?.({ kind: 'approval-decision', call, approval, decision })
  const results = await Promise.all(
    decided.map(async ({ approval, call, decision }) => {
      const result = await runDecided(state, call, { approved: approval, decision })
      state.request.onEvent?.({ kind: 'tool-result', result })
      return result
    }),
  )
  const byId = new Map([...step.tool_results, ...results].map((result) => [result.id, result]))
  step.tool_results = step.tool_calls.flatMap(({ id }) => byId.get(id) ?? [])
}

async function runDecided(
  state: RunState,
  call: ToolCall,
  { approved, decision }: { approved: ApprovalRequest; decision: ApprovalDecision },
): Promise<ToolResult> {
  const { id, comment, edited_input } = decision
  const approval = {
    id,
    decision: decision.decision,
    comment,
    ...(edited_input !== undefined && { edited_input }),
  }
  const tool = state.tools.get(call.name)
  const reason = findRefusal(tool, approved, decision)
  if (reason !== null || !tool) {
    return {
      id: call.id,
      name: call.name,
      output: { error: reason ?? '' },
      is_error: true,
      is_refused: true,
      duration_ms: 0,
      approval,
    }
  }
  const input = edited_input === undefined ? call.input : edited_input
  // The tool may have another schema by now than the one that the decision was made with.
  const checked = checkInput(state, { ...call, input })
  const work = 'tool' in checked ? { tool, input, hadUntrusted: state.hasUntrusted } : checked
  return { ...(await executeCall(state, call, work)), approval }
}

function findRefusal(
  tool: RunTool | undefined,
  approved: ApprovalRequest,
  { decision, comment }: ApprovalDecision,
): string | null {
  if (decision === 'refuse') return `The user refused${comment ? `: ${comment}` : '.'}`
  if (!tool) return 'Refused: the tool was switched off or its account was disconnected while the call waited.'
  const { title, input_schema } = toRequest(tool, { id: '', name: tool.name, input: {} }, 'writes')
  // As it came back from the database: without what is undefined.
  const isSame =
    title === approved.title && isDeepStrictEqual(JSON.parse(JSON.stringify(input_schema)), approved.input_schema)
  // A server can list another tool under the same name; it is not what was approved.
  return isSame ? null : 'Refused: the tool has changed since this call was approved. Ask again if it is still needed.'
}

/** What has to be kept so that any server can go on. */
export function toWaitingState(
  state: RunState,
  step: RunStep,
  answer: ModelAnswer,
  { worked_ms }: Pick<WaitingState, 'worked_ms'>,
): WaitingState {
  // What a model wrote comes back to it, and PostgreSQL reads no JSON with a NUL in it.
  return sanitiseJson({
    version: 1,
    model: state.request.model.id,
    prompt: state.prompt,
    step,
    answer_content: answer.content,
    approvals: state.waitingFor,
    citations: state.citations,
    output: state.output,
    tool_call_count: state.toolCallCount,
    has_untrusted: state.hasUntrusted,
    shown_tools: [...state.shownTools],
    tools: [...state.tools.values()].map(({ name, integrationId, ownName }) => ({
      name,
      integration_id: integrationId,
      own_name: ownName,
    })),
    worked_ms,
  })
}

/** The tools there are now under the names they had when the run began to wait; what was not there then stays away. */
export function toEarlierNames(tools: RunTool[], waited: WaitingState): RunTool[] {
  return waited.tools.flatMap(({ name, integration_id, own_name }) => {
    const tool = tools.find((one) => one.integrationId === integration_id && one.ownName === own_name)
    return tool ? [tool.name === name ? tool : { ...tool, name }] : []
  })
}
