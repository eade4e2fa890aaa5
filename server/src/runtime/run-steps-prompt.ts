import type {
  JSONValue,
  LanguageModelV4FunctionTool,
  LanguageModelV4Prompt,
  LanguageModelV4ToolResultOutput,
} from '@ai-sdk/provider'
import type { ModelAnswer } from './call-model-answer.ts'
import type { RunRequest, RunStep, ToolResult } from './run-types.ts'
import type { RunTool } from './tools/run-tool.ts'

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

export function toFunctionTools(tools: Map<string, RunTool>): LanguageModelV4FunctionTool[] | undefined {
  if (tools.size === 0) return undefined
  return [...tools.values()].map(({ name, description, inputSchema }) => ({
    type: 'function',
    name,
    description,
    inputSchema,
  }))
}

/** The same prompt for the last call, in which no tool can be asked for any more. */
export function withConclusion(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  const note = 'No more tools can be called. Answer now with what has been found so far, and say what is missing.'
  const [first, ...rest] = prompt
  if (first?.role !== 'system') return [{ role: 'system', content: note }, ...prompt]
  return [{ ...first, content: `${first.content}\n\n${note}` }, ...rest]
}

/** Adds an answer with its tool calls, and what the tools gave back. */
export function appendToPrompt(prompt: LanguageModelV4Prompt, answer: ModelAnswer, step: RunStep): void {
  const inputs = new Map(step.tool_calls.map((call) => [call.id, call.input]))
  const content = answer.content
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

function toResultOutput({ output, is_error }: ToolResult): LanguageModelV4ToolResultOutput {
  // Made by JSON.parse in executeToolCalls.
  const value = output as JSONValue
  if (is_error) return { type: 'error-text', value: typeof value === 'string' ? value : JSON.stringify(value) }
  return typeof value === 'string' ? { type: 'text', value } : { type: 'json', value }
}

function asObject(input: unknown): object {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {}
}
