import type {
  JSONValue,
  LanguageModelV4FunctionTool,
  LanguageModelV4Prompt,
  LanguageModelV4ToolResultOutput,
} from '@ai-sdk/provider'
import type { ModelAnswer } from './call-model-answer.ts'
import type { RunState } from './run-steps-state.ts'
import type { RunRequest, RunStep, ToolResult } from './run-types.ts'
import { wrapUntrusted } from './untrusted-envelope.ts'

export function buildPrompt(instructions: string, { history, input }: RunRequest): LanguageModelV4Prompt {
  const prompt: LanguageModelV4Prompt = []
  if (instructions !== '') prompt.push({ role: 'system', content: instructions })
  for (const { role, text } of history) {
    // Anthropic refuses empty texts; they stand in the history of a run that failed before its first word.
    if (text !== '') prompt.push({ role, content: [{ type: 'text', text }] })
  }
  prompt.push({ role: 'user', content: [{ type: 'text', text: input }] })
  return prompt
}

export function toFunctionTools({ tools, shownTools }: RunState): LanguageModelV4FunctionTool[] | undefined {
  const shown = [...tools.values()].filter(({ name }) => shownTools.has(name))
  if (shown.length === 0) return undefined
  return shown.map(({ name, description, inputSchema }) => ({ type: 'function', name, description, inputSchema }))
}

/** The same prompt for the last call, in which no tool can be asked for any more. */
export function withConclusion(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  const note = 'No more tools can be called. Answer now with what has been found so far, and say what is missing.'
  const [first, ...rest] = prompt
  if (first?.role !== 'system') return [{ role: 'system', content: note }, ...prompt]
  return [{ ...first, content: `${first.content}\n\n${note}` }, ...rest]
}

/** Adds an answer with its tool calls, and what the tools gave back. */
export function appendToPrompt(
  prompt: LanguageModelV4Prompt,
  answerContent: ModelAnswer['content'],
  step: RunStep,
): void {
  const inputs = new Map(step.tool_calls.map((call) => [call.id, call.input]))
  const content = answerContent
    .filter((part) => part.type === 'tool-call' || part.providerOptions || ('text' in part && part.text !== ''))
    // Providers demand an object, also where the model wrote broken JSON.
    .map((part) => (part.type === 'tool-call' ? { ...part, input: asObject(inputs.get(part.toolCallId)) } : part))
  prompt.push(
    { role: 'assistant', content },
    {
      role: 'tool',
      content: step.tool_results.map((result) => ({
        type: 'tool-result',
        toolCallId: result.id,
        toolName: result.name,
        output: toResultOutput(result),
      })),
    },
  )
}

function toResultOutput(result: ToolResult): LanguageModelV4ToolResultOutput {
  // Made by JSON.parse in run-steps-tools.ts.
  const value = result.output as JSONValue
  const note = toNote(result)
  if (result.is_refused) return { type: 'execution-denied', reason: errorOf(value) }
  if (!result.is_untrusted && note === '' && !result.is_error)
    return typeof value === 'string' ? { type: 'text', value } : { type: 'json', value }
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const shown = note + (result.is_untrusted ? wrapUntrusted(result.name, text) : text)
  return { type: result.is_error ? 'error-text' : 'text', value: shown }
}

/** The model remembers what it asked for; without this it would tell the user that this is what was done. */
function toNote({ approval }: ToolResult): string {
  if (approval?.decision !== 'approve') return ''
  const { comment, edited_input } = approval
  const changed =
    edited_input === undefined
      ? ''
      : `The user changed the input before approving it. Executed was: ${JSON.stringify(edited_input)}\n`
  return changed + (comment ? `The user approved it and said: ${comment}\n` : '')
}

function errorOf(value: JSONValue): string {
  return typeof value === 'object' && value !== null && 'error' in value ? String(value.error) : String(value)
}

function asObject(input: unknown): object {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {}
}
