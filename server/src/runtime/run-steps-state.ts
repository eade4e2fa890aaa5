import type { Citation, RunRequest, RunStep } from './run-types.ts'
import type { RunTool } from './tools/run-tool.ts'

/** What a run has produced so far. */
export interface RunState {
  request: RunRequest
  tools: Map<string, RunTool>
  controller: AbortController
  signal: AbortSignal
  /** On the clock of `performance.now()`. */
  deadline: number
  steps: RunStep[]
  citations: Citation[]
  output: string
  /** True once the present step has shown text. */
  isStepBegun: boolean
  toolCallCount: number
  isSanitised: boolean
  isOutOfTime: boolean
}

export function createRunState(request: RunRequest, tools: RunTool[]): RunState {
  const controller = new AbortController()
  return {
    request,
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    controller,
    signal: controller.signal,
    deadline: performance.now() + request.limits.timeoutMs,
    steps: [],
    citations: [],
    output: '',
    isStepBegun: false,
    toolCallCount: 0,
    isSanitised: false,
    isOutOfTime: false,
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
