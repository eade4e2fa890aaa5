import { splitText, sse, type TestRequest, type WireAnswer, type WireError, type WireFormat } from './test-reply.ts'

interface ChatMessage {
  role: string
  content?: unknown
  tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[]
  tool_call_id?: string
}

const finishReasons = {
  stop: 'stop',
  length: 'length',
  'content-filter': 'content_filter',
  'tool-calls': 'tool_calls',
} as const

const typeOfStatus: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'invalid_request_error',
  403: 'invalid_request_error',
  404: 'invalid_request_error',
  429: 'rate_limit_exceeded',
}

export function openAiError(status: number, type: string | undefined, message: string | undefined, code?: string) {
  return {
    error: {
      message: message ?? `The server answered ${status}.`,
      type: type ?? typeOfStatus[status] ?? 'server_error',
      param: null,
      code: code ?? (status === 401 ? 'invalid_api_key' : status === 429 ? 'rate_limit_exceeded' : null),
    },
  }
}

export function refuseOpenAiKey(headers: Record<string, string | string[] | undefined>): WireError | null {
  const authorization = String(headers.authorization ?? '')
  if (/^Bearer \S+$/.test(authorization) && !authorization.includes('wrong')) return null
  const message = authorization
    ? `Incorrect API key provided: ${authorization.slice(7, 14)}****. You can find your API key at https://platform.openai.com/account/api-keys.`
    : "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth."
  return { status: 401, body: openAiError(401, undefined, message) }
}

const invalid = (message: string): WireError => ({ status: 400, body: openAiError(400, undefined, message) })

export const quotaExceededError: WireError = {
  status: 429,
  body: openAiError(
    429,
    'insufficient_quota',
    'You exceeded your current quota, please check your plan and billing details.',
    'insufficient_quota',
  ),
}

export const contextExceededError: WireError = {
  status: 400,
  body: openAiError(
    400,
    undefined,
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 190000 tokens. Please reduce the length of the messages.",
    'context_length_exceeded',
  ),
}

/** Chat Completions of OpenAI (https://platform.openai.com/docs/api-reference/chat); without a key also of servers that copy it. */
export function createOpenAiChatFormat({ needsKey }: { needsKey: boolean }): WireFormat {
  return {
    parse: (body, headers) => (needsKey ? refuseOpenAiKey(headers) : null) ?? parseChat(body),
    answer: (request, answer) => ({
      ...head(request, 'chat.completion'),
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: answer.text === '' ? null : answer.text,
            refusal: null,
            ...(answer.calls.length > 0 && { tool_calls: answer.calls.map(toToolCall) }),
          },
          logprobs: null,
          finish_reason: finishReasons[answer.finish],
        },
      ],
      usage: toUsage(answer),
    }),
    stream(request, answer, isWhole) {
      const chunk = (delta: unknown, finish: string | null = null) =>
        sse({
          ...head(request, 'chat.completion.chunk'),
          choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
        })
      const frames = [chunk({ role: 'assistant', content: answer.calls.length > 0 ? null : '', refusal: null })]
      for (const content of splitText(answer.text)) frames.push(chunk({ content }))
      if (!isWhole) return frames
      for (const [index, call] of answer.calls.entries()) {
        const argumentText = JSON.stringify(call.input)
        frames.push(
          chunk({
            tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }],
          }),
          chunk({ tool_calls: [{ index, function: { arguments: argumentText.slice(0, 4) } }] }),
          chunk({ tool_calls: [{ index, function: { arguments: argumentText.slice(4) } }] }),
        )
      }
      frames.push(chunk({}, finishReasons[answer.finish]))
      frames.push(sse({ ...head(request, 'chat.completion.chunk'), choices: [], usage: toUsage(answer) }))
      frames.push(sse('[DONE]'))
      return frames
    },
    streamError: () =>
      sse({
        error: {
          message: 'The server had an error while processing your request.',
          type: 'server_error',
          param: null,
          code: null,
        },
      }),
    error: (status, type, message) => openAiError(status, type, message),
    quotaExceeded: () => quotaExceededError,
    contextExceeded: () => contextExceededError,
  }
}

function parseChat(body: Record<string, unknown>): TestRequest | WireError {
  const messages = body.messages as ChatMessage[] | undefined
  if (typeof body.model !== 'string') return invalid('you must provide a model parameter')
  if (!Array.isArray(messages) || messages.length === 0) return invalid("Missing required parameter: 'messages'.")
  let openCalls: string[] = []
  let input = ''
  let toolResults: string[] = []
  for (const [index, message] of messages.entries()) {
    if (message.role === 'tool') {
      if (!openCalls.includes(message.tool_call_id ?? '')) {
        return invalid(
          `Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'. (messages.[${index}])`,
        )
      }
      openCalls = openCalls.filter((id) => id !== message.tool_call_id)
      toolResults.push(toText(message.content))
      continue
    }
    if (openCalls.length > 0) {
      return invalid(
        `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${openCalls.join(', ')}`,
      )
    }
    if (!['system', 'developer', 'user', 'assistant'].includes(message.role)) {
      return invalid(`Invalid value: '${message.role}'. (messages[${index}].role)`)
    }
    toolResults = []
    if (message.role === 'user') input = toText(message.content)
    openCalls = (message.tool_calls ?? []).map((call) => call.id)
  }
  const tools = (body.tools ?? []) as { type: string; function: { name: string; parameters: unknown } }[]
  if (tools.some((tool) => tool.type !== 'function' || !tool.function.name))
    return invalid("Missing 'tools[0].function'.")
  return {
    model: body.model,
    isStream: body.stream === true,
    input,
    toolResults,
    toolNames: tools.map((tool) => tool.function.name),
  }
}

function toText(content: unknown): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? '').join('') : ''
}

const head = (request: TestRequest, object: string) => ({
  id: 'chatcmpl-test',
  object,
  created: 1_760_000_000,
  model: request.model,
})

const toToolCall = (call: WireAnswer['calls'][number]) => ({
  id: call.id,
  type: 'function',
  function: { name: call.name, arguments: JSON.stringify(call.input) },
})

const toUsage = ({ usage }: WireAnswer) => ({
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
})
