import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { ApprovalRequest, Citation, RunRequest, RunStep } from './run-types.ts'
import { chooseTools, maxShownTools } from './tools/choose-tools.ts'
import { createFindToolsTool } from './tools/find-tools.ts'
import type { RunTool } from './tools/run-tool.ts'

/** What a run has produced so far. */
export interface RunState {
  request: RunRequest
  /** All that the agent has, by their names for the model. */
  tools: Map<string, RunTool>
  /** Names of those the model sees; fewer than all when there are many. */
  shownTools: Set<string>
  controller: AbortController
  signal: AbortSignal
  /** On the clock of `performance.now()`. */
  deadline: number
  prompt: LanguageModelV4Prompt
  steps: RunStep[]
  citations: Citation[]
  output: string
  /** True once the present step has shown text. */
  isStepBegun: boolean
  toolCallCount: number
  isSanitised: boolean
  isOutOfTime: boolean
  /** True once content from outside is in the prompt; then no tool writes without its owner. */
  hasUntrusted: boolean
  /** Calls of the last step that wait for the owner. */
  waitingFor: ApprovalRequest[]
}

// A run that goes on with hardly any time left would waste what was approved.
const shortestTimeLeftMs = 10_000

export function createRunState(request: RunRequest, offered: RunTool[]): RunState {
  const controller = new AbortController()
  const { resume, limits } = request
  const tools = offered.length > maxShownTools ? [...offered, createFindToolsTool(offered.length)] : offered
  const shown = resume?.state.shown_tools ?? [...chooseTools(offered, request), 'find_tools']
  const timeoutMs = Math.max(limits.timeoutMs - (resume?.state.worked_ms ?? 0), shortestTimeLeftMs)
  return {
    request,
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    shownTools: new Set(shown),
    controller,
    signal: controller.signal,
    deadline: performance.now() + Math.min(timeoutMs, limits.timeoutMs),
    prompt: resume?.state.prompt ?? [],
    // A copy: where the ones before end tells what this part of the run used.
    steps: [...(resume?.steps ?? [])],
    citations: resume?.state.citations ?? [],
    output: resume?.state.output ?? '',
    isStepBegun: false,
    toolCallCount: resume?.state.tool_call_count ?? 0,
    isSanitised: false,
    isOutOfTime: false,
    hasUntrusted: resume?.state.has_untrusted ?? request.hasUntrusted ?? false,
    waitingFor: [],
  }
}

/** Adds text to the output. Texts of several steps are paragraphs, so that the output is exactly what was streamed. */
export function showText(state: RunState, text: string): void {
  if (text === '') return
  const shown = !state.isStepBegun && state.output !== '' ? `\n\n${text}` : text
  state.isStepBegun = true
  state.output += shown
  state.request.onEvent?.({ kind: 'text-delta', text: shown })
}
