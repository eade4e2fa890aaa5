import type { RawToolCall } from './call-model-answer.ts'
import { checkForeignJson, checkJson, describeFaults } from './check-json.ts'
import { sanitiseJson } from './models/sanitise-text.ts'
import type { RunState } from './run-steps-state.ts'
import type { Citation, ToolCall, ToolResult } from './run-types.ts'
import { searchTools } from './tools/choose-tools.ts'
import type { RunTool, ToolContext } from './tools/run-tool.ts'

const toolTimeoutMs = 30_000
const maxResultChars = 50_000
const maxFullChars = 1_000_000
/** More than a file of the largest kind a tool takes; it is kept in the log, in the approval and in the prompt. */
const maxInputChars = 2_000_000

/** The reason a call was refused or failed, in words of ours that help the model to do better. */
export class ToolCallError extends Error {}

type CallOutcome = Pick<ToolResult, 'output' | 'full_output' | 'is_error' | 'is_untrusted'>

/** The tool of a call that may be executed, or why it may not. */
export function checkCall(
  state: RunState,
  call: ToolCall,
  raw: RawToolCall | undefined,
): { tool: RunTool } | { error: ToolCallError } {
  if (state.toolCallCount > state.request.limits.maxToolCalls)
    return { error: new ToolCallError('No more tool calls are allowed in this run. Answer with what you have.') }
  return checkInput(state, call, raw)
}

/** The same for a call that was counted when it was asked for. */
export function checkInput(
  state: RunState,
  call: ToolCall,
  raw?: RawToolCall,
): { tool: RunTool } | { error: ToolCallError } {
  const refuse = (reason: string) => ({ error: new ToolCallError(reason) })
  const tool = state.tools.get(call.name)
  if (!tool) return refuse(`There is no tool "${call.name}". ${listTools(state)}`)
  if (!state.shownTools.has(call.name)) return refuse(`Look for "${call.name}" with find_tools before you call it.`)
  if (typeof call.input === 'string' && call.input === raw?.input) return refuse('The input is not valid JSON.')
  const length = raw?.input.length ?? 0
  if (length > maxInputChars)
    return refuse(`The input has ${length} characters, and ${maxInputChars} are allowed. Send less.`)
  const check = tool.integrationId === null ? checkJson : checkForeignJson
  const faults = check(tool.inputSchema, call.input)
  return faults.length === 0
    ? { tool }
    : refuse(`The input does not fit the schema of the tool. ${describeFaults(faults)}`)
}

/** Executes a call with this input. Whatever goes wrong becomes a result that the model reads. */
export async function executeCall(
  state: RunState,
  call: ToolCall,
  work: { tool: RunTool; input: unknown; hadUntrusted: boolean } | { error: ToolCallError },
): Promise<ToolResult> {
  const startedAt = performance.now()
  const outcome = 'error' in work ? failCall(state, work.error, false) : await callTool(state, work)
  if (outcome.is_untrusted) state.hasUntrusted = true
  const duration_ms = Math.round(performance.now() - startedAt)
  return { id: call.id, name: call.name, ...outcome, duration_ms }
}

async function callTool(
  state: RunState,
  { tool, input, hadUntrusted }: { tool: RunTool; input: unknown; hadUntrusted: boolean },
): Promise<CallOutcome> {
  let { isUntrusted } = tool
  try {
    const context = { hadUntrusted, markUntrusted: () => (isUntrusted = true) }
    const value = await executeInTime(state, tool, input, context)
    const text = JSON.stringify(value) ?? 'null'
    const plain: unknown = JSON.parse(text)
    const faults = tool.outputSchema ? checkForeignJson(tool.outputSchema, plain) : []
    if (faults.length > 0)
      throw new ToolCallError(
        `The tool gave back something else than its output schema says. ${describeFaults(faults)}`,
      )
    return { ...toStorable(state, plain, text), is_error: false, ...(isUntrusted && { is_untrusted: true }) }
  } catch (error) {
    // Whatever stands behind an account words its errors itself, also where its results are none of a stranger.
    return failCall(state, error, isUntrusted || tool.integrationId !== null)
  }
}

function failCall(state: RunState, error: unknown, isUntrusted: boolean): CallOutcome {
  const reason = error instanceof Error && error.message !== '' ? error.message : 'The tool failed.'
  const { output } = toStorable(state, { error: reason.slice(0, 1000) })
  // A server words its own errors.
  return { output, is_error: true, ...(isUntrusted && !isOurs(error) && { is_untrusted: true }) }
}

const isOurs = (error: unknown) => error instanceof ToolCallError && !error.message.startsWith('The tool gave back')

function listTools({ shownTools, tools }: RunState): string {
  const names = [...tools.keys()].filter((name) => shownTools.has(name))
  return names.length === 0 ? 'This agent has no tools.' : `The tools are: ${names.join(', ')}.`
}

async function executeInTime(
  state: RunState,
  tool: RunTool,
  input: unknown,
  call: { hadUntrusted: boolean; markUntrusted: () => void },
): Promise<unknown> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let stop: (() => void) | undefined
  // A tool that ignores its signal must not hold up the run.
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (message: string) => {
      reject(new ToolCallError(message))
      controller.abort()
    }
    timer = setTimeout(() => end(`The tool did not finish within ${toolTimeoutMs / 1000} seconds.`), toolTimeoutMs)
    stop = () => end('The run was stopped.')
    state.signal.addEventListener('abort', stop)
    if (state.signal.aborted) stop()
  })
  try {
    // What is stopped already must not be begun.
    if (state.signal.aborted) return await ended
    return await Promise.race([ended, tool.execute(input, createContext(state, controller.signal, call))])
  } finally {
    clearTimeout(timer)
    if (stop) state.signal.removeEventListener('abort', stop)
  }
}

function createContext(
  state: RunState,
  signal: AbortSignal,
  { hadUntrusted, markUntrusted }: { hadUntrusted: boolean; markUntrusted: () => void },
): ToolContext {
  const { settings, capabilities, memories } = state.request
  return {
    signal,
    settings,
    capabilities,
    memories,
    hasUntrusted: hadUntrusted,
    markUntrusted,
    addCitation: (citation) => addCitation(state, citation),
    findTools(query) {
      const found = searchTools([...state.tools.values()], query, 10)
      for (const { name } of found) state.shownTools.add(name)
      return found
    },
  }
}

function addCitation(state: RunState, raw: Omit<Citation, 'number'>): number {
  const known = state.citations.find(({ path, title }) => path === raw.path && title === raw.title)
  if (known) return known.number
  const citation = toStorable(state, { number: state.citations.length + 1, ...raw }).output as Citation
  state.citations.push(citation)
  return citation.number
}

/** Plain JSON that PostgreSQL can store; `output` is of the size a model can take, `full_output` the rest of a longer one. */
function toStorable(
  state: RunState,
  plain: unknown,
  text = JSON.stringify(plain),
): Pick<ToolResult, 'output' | 'full_output'> {
  const safe = sanitiseJson(plain, text)
  if (safe !== plain) state.isSanitised = true
  const whole = typeof safe === 'string' ? safe : safe === plain ? text : JSON.stringify(safe)
  if (whole.length <= maxResultChars) return { output: safe }
  const output = `${cutAt(whole, maxResultChars)}\n[Cut here: the whole result has ${whole.length} characters.]`
  return { output, full_output: whole.length <= maxFullChars ? safe : `${cutAt(whole, maxFullChars)}\n[Cut here.]` }
}

/** The cut may go through a surrogate pair. */
const cutAt = (text: string, length: number) => text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')
