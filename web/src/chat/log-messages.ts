import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { errorWords, type RunApproval, readRunDetails } from '../agent-logs/run-details.ts'
import type { RunMessage } from './run-message.ts'

/** The runs of a conversation, oldest first, as the messages they were. */
export function messagesOfLogs(logs: AgentLog[]): RunMessage[] {
  return logs.flatMap((log, index) => (wasRepeated(log, logs[index + 1]) ? [] : [questionOf(log), answerOf(log)]))
}

// Someone who tries a failed run again means the same question; both stay in the logs, the chat shows it once.
function wasRepeated(log: AgentLog, next: AgentLog | undefined): boolean {
  return !['succeeded', 'running', 'waiting'].includes(log.status) && !log.output && next?.input === log.input
}

function questionOf(log: AgentLog): RunMessage {
  return { id: `${log.id}-input`, role: 'user', parts: [{ type: 'text', text: log.input }] }
}

export function answerOf(log: AgentLog): RunMessage {
  const { steps, citations, approvals, isBuiltInModel } = readRunDetails(log)
  const text = (part: string) => (part.trim() === '' ? [] : [{ type: 'text' as const, text: part }])
  const toolParts = (step: Step) => toolPartsOf(step, log.status, approvals)
  // In the order it came, where the steps hold all of its words; they are only written at the end of each.
  const parts = isSameText(steps.map((step) => step.text).join(''), log.output ?? '')
    ? steps.flatMap((step) => [...text(step.text), ...toolParts(step)])
    : [...steps.flatMap(toolParts), ...text(log.output ?? '')]
  const error = log.error_code && log.status !== 'cancelled' ? errorWords(log.error_code) : null
  return {
    id: log.id,
    role: 'assistant',
    parts,
    metadata: {
      run_id: log.id,
      conversation_id: log.conversation_id,
      model: log.model,
      is_built_in_model: isBuiltInModel,
      status: log.status,
      latency_ms: log.latency_ms,
      error_code: log.error_code,
      error_title: error?.title,
      error_action: error?.action,
      rating: log.rating,
      rating_comment: log.rating_comment,
      citations,
    },
  }
}

function isSameText(a: string, b: string): boolean {
  const bare = (text: string) => text.replaceAll(/\s+/g, '')
  return bare(a) === bare(b)
}

type Step = ReturnType<typeof readRunDetails>['steps'][number]

function toolPartsOf(step: Step, status: AgentLog['status'], approvals: RunApproval[]): RunMessage['parts'] {
  return step.tool_calls.map((call) => {
    const result = step.tool_results.find((candidate) => candidate.id === call.id)
    const approval = approvals.find(({ tool_call_id }) => tool_call_id === call.id)
    const title = approval ? { title: approval.title } : {}
    // What was done, where its owner changed it.
    const input = result?.approval?.edited_input ?? call.input
    const base = { type: 'dynamic-tool' as const, toolName: call.name, toolCallId: call.id, input, ...title }
    if (!result && approval && status === 'waiting')
      return { ...base, state: 'approval-requested' as const, approval: { id: approval.id } }
    if (!result) {
      return status === 'running' || status === 'waiting'
        ? { ...base, state: 'input-available' as const }
        : { ...base, state: 'output-error' as const, errorText: 'The run ended before this tool answered.' }
    }
    if (result.is_refused) {
      const { id, comment } = result.approval ?? { id: '', comment: null }
      return {
        ...base,
        state: 'output-denied' as const,
        approval: { id, approved: false as const, ...(comment !== null && { reason: comment }) },
      }
    }
    if (!result.is_error) return { ...base, state: 'output-available' as const, output: result.output }
    const errorText = typeof result.output === 'string' ? result.output : JSON.stringify(result.output)
    return { ...base, state: 'output-error' as const, errorText }
  })
}
