import { type Schema, Validator } from '@cfworker/json-schema'
import type { RawToolCall } from './call-model-answer.ts'
import { sanitiseJson } from './models/sanitise-text.ts'
import type { RunState } from './run-steps-state.ts'
import type { Citation, ToolCall, ToolResult } from './run-types.ts'
import type { RunTool, ToolContext } from './tools/run-tool.ts'

const toolTimeoutMs = 30_000
const maxResultChars = 50_000

/** The reason a call was refused or failed, in words that help the model to do better. */
class ToolCallError extends Error {}

/** Executes the calls of one step at the same time. Whatever goes wrong becomes a result that the model reads. */
export async function executeToolCalls(
  state: RunState,
  calls: ToolCall[],
  rawCalls: RawToolCall[],
): Promise<ToolResult[]> {
  return Promise.all(
    calls.map(async (call, index) => {
      const startedAt = performance.now()
      state.toolCallCount++
      const isOverLimit = state.toolCallCount > state.request.limits.maxToolCalls
      state.request.onEvent?.({ kind: 'tool-call', call })
      const { output, is_error } = await executeCall(state, call, rawCalls[index]?.input, isOverLimit)
      const duration_ms = Math.round(performance.now() - startedAt)
      const result: ToolResult = { id: call.id, name: call.name, output, is_error, duration_ms }
      state.request.onEvent?.({ kind: 'tool-result', result })
      return result
    }),
  )
}

async function executeCall(
  state: RunState,
  call: ToolCall,
  rawInput: string | undefined,
  isOverLimit: boolean,
): Promise<Pick<ToolResult, 'output' | 'is_error'>> {
  try {
    if (isOverLimit) throw new ToolCallError('No more tool calls are allowed in this run. Answer with what you have.')
    const tool = state.tools.get(call.name)
    if (!tool) throw new ToolCallError(`There is no tool "${call.name}". ${listTools(state)}`)
    checkInput(tool, call.input, rawInput)
    return { output: toStorable(state, await executeInTime(state, tool, call.input)), is_error: false }
  } catch (error) {
    const reason = error instanceof Error && error.message !== '' ? error.message : 'The tool failed.'
    return { output: toStorable(state, { error: reason.slice(0, 1000) }), is_error: true }
  }
}

function listTools({ tools }: RunState): string {
  return tools.size === 0 ? 'This agent has no tools.' : `The tools are: ${[...tools.keys()].join(', ')}.`
}

const validators = new WeakMap<object, Validator>()

function checkInput({ inputSchema }: RunTool, input: unknown, rawInput: string | undefined) {
  if (typeof input === 'string' && input === rawInput) throw new ToolCallError('The input is not valid JSON.')
  let validator = validators.get(inputSchema)
  if (!validator) {
    validator = new Validator(inputSchema as Schema, '7', false)
    validators.set(inputSchema, validator)
  }
  const { valid, errors } = validator.validate(input)
  if (valid) return
  const faults = errors.map(({ instanceLocation, error }) => `${instanceLocation.replace(/^#/, '') || '/'}: ${error}`)
  throw new ToolCallError(
    `The input does not fit the schema of the tool. ${[...new Set(faults)].slice(0, 5).join(' ')}`,
  )
}

async function executeInTime(state: RunState, tool: RunTool, input: unknown): Promise<unknown> {
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
    return await Promise.race([ended, tool.execute(input, createContext(state, controller.signal))])
  } finally {
    clearTimeout(timer)
    if (stop) state.signal.removeEventListener('abort', stop)
  }
}

function createContext(state: RunState, signal: AbortSignal): ToolContext {
  const { settings, capabilities } = state.request
  return { signal, settings, capabilities, addCitation: (citation) => addCitation(state, citation) }
}

function addCitation(state: RunState, raw: Omit<Citation, 'number'>): number {
  const known = state.citations.find(({ path, title }) => path === raw.path && title === raw.title)
  if (known) return known.number
  const citation = toStorable(state, { number: state.citations.length + 1, ...raw }) as Citation
  state.citations.push(citation)
  return citation.number
}

/** Plain JSON of bounded size that PostgreSQL can store. */
function toStorable(state: RunState, value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  const plain = JSON.parse(text) as unknown
  const safe = sanitiseJson(plain)
  if (safe !== plain) state.isSanitised = true
  if (text.length <= maxResultChars) return safe
  const whole = typeof safe === 'string' ? safe : JSON.stringify(safe)
  // The cut may go through a surrogate pair.
  const beginning = whole.slice(0, maxResultChars).replace(/[\uD800-\uDBFF]$/, '')
  return `${beginning}\n[Cut here: the whole result has ${whole.length} characters.]`
}
