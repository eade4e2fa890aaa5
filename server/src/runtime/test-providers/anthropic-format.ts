import { splitText, sse, type TestRequest, type WireAnswer, type WireError, type WireFormat } from './test-reply.ts'

interface Block {
  type: string
  text?: string
  id?: string
  tool_use_id?: string
  content?: unknown
}

const typeOfStatus: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
}

const finishReasons = {
  stop: 'end_turn',
  length: 'max_tokens',
  'content-filter': 'refusal',
  'tool-calls': 'tool_use',
} as const

function error(status: number, type?: string, message?: string) {
  const known = type ?? typeOfStatus[status] ?? 'api_error'
  return {
    type: 'error',
    error: { type: known, message: message ?? (status === 529 ? 'Overloaded' : known) },
    request_id: 'req_test',
  }
}

const invalid = (message: string): WireError => ({ status: 400, body: error(400, undefined, message) })

/** Messages of Anthropic (https://docs.anthropic.com/en/api/messages). */
export const anthropicFormat: WireFormat = {
  parse(body, headers) {
    const key = String(headers['x-api-key'] ?? '')
    if (key === '') return { status: 401, body: error(401, undefined, 'x-api-key header is required') }
    if (key.includes('wrong')) return { status: 401, body: error(401, undefined, 'invalid x-api-key') }
    if (!headers['anthropic-version']) return invalid('anthropic-version: header is required')
    return parseMessages(body)
  },
  answer: (request, answer) => ({
    ...head(request),
    content: toContent(answer),
    stop_reason: finishReasons[answer.finish],
    stop_sequence: null,
    usage: { ...inputUsage(answer), output_tokens: answer.usage.output },
  }),
  stream(request, answer, isWhole) {
    const frame = (type: string, more: object) => sse({ type, ...more }, type)
    const frames = [
      frame('message_start', {
        message: {
          ...head(request),
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { ...inputUsage(answer), output_tokens: 1 },
        },
      }),
      frame('ping', {}),
    ]
    for (const [index, block] of toContent(answer).entries()) {
      if (block.type === 'text') {
        frames.push(frame('content_block_start', { index, content_block: { type: 'text', text: '' } }))
        for (const text of splitText(answer.text)) {
          frames.push(frame('content_block_delta', { index, delta: { type: 'text_delta', text } }))
        }
        if (!isWhole) return frames
      } else {
        if (!isWhole) return frames
        const partial_json = JSON.stringify(block.input)
        frames.push(
          frame('content_block_start', { index, content_block: { ...block, input: {} } }),
          frame('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: '' } }),
          frame('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } }),
        )
      }
      frames.push(frame('content_block_stop', { index }))
    }
    if (!isWhole) return frames
    frames.push(
      frame('message_delta', {
        delta: { stop_reason: finishReasons[answer.finish], stop_sequence: null },
        usage: { output_tokens: answer.usage.output },
      }),
      frame('message_stop', {}),
    )
    return frames
  },
  streamError: () => sse(error(529), 'error'),
  error,
  quotaExceeded: () =>
    invalid(
      'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
    ),
  contextExceeded: () => invalid('prompt is too long: 212000 tokens > 200000 maximum'),
}

function parseMessages(body: Record<string, unknown>): TestRequest | WireError {
  if (typeof body.model !== 'string') return invalid('model: Field required')
  if (!Number.isInteger(body.max_tokens)) return invalid('max_tokens: Field required')
  const messages = body.messages as { role: string; content: string | Block[] }[] | undefined
  if (!Array.isArray(messages) || messages.length === 0) return invalid('messages: at least one message is required')
  if (messages.at(-1)?.role !== 'user') return invalid('The conversation must end with a user message.')
  let openCalls: string[] = []
  let input = ''
  let toolResults: string[] = []
  for (const [index, message] of messages.entries()) {
    const blocks = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content
    if (blocks.some((block) => block.type === 'text' && !block.text)) {
      return invalid(`messages.${index}: text content blocks must be non-empty`)
    }
    const results = blocks.filter((block) => block.type === 'tool_result')
    const resultIds = results.map((block) => block.tool_use_id)
    const missing = openCalls.filter((id) => !resultIds.includes(id))
    if (missing.length > 0) {
      return invalid(
        `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}.`,
      )
    }
    const stray = resultIds.find((id) => !openCalls.includes(id ?? ''))
    if (stray)
      return invalid(`messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}.`)
    openCalls = blocks.filter((block) => block.type === 'tool_use').map((block) => block.id ?? '')
    if (message.role !== 'user') continue
    toolResults = results.map((block) => toText(block.content))
    const text = blocks.filter((block) => block.type === 'text').map((block) => block.text)
    if (text.length > 0) input = text.join('')
  }
  const tools = (body.tools ?? []) as { name: string; input_schema?: unknown }[]
  if (tools.some((tool) => !tool.input_schema)) return invalid('tools.0.input_schema: Field required')
  const toolNames = tools.map((tool) => tool.name)
  return { model: body.model, isStream: body.stream === true, input, toolResults, toolNames }
}

function toText(content: unknown): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.map((part: Block) => part.text ?? '').join('') : ''
}

const head = (request: TestRequest) => ({
  id: 'msg_test',
  type: 'message',
  role: 'assistant',
  model: request.model,
})

const inputUsage = ({ usage }: WireAnswer) => ({
  input_tokens: usage.input,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
})

type AnswerBlock = { type: 'text'; text: string } | { type: 'tool_use'; id: string; name: string; input: unknown }

const toContent = (answer: WireAnswer): AnswerBlock[] => [
  ...(answer.text === '' ? [] : [{ type: 'text' as const, text: answer.text }]),
  ...answer.calls.map(({ id, name, input }) => ({ type: 'tool_use' as const, id, name, input })),
]
