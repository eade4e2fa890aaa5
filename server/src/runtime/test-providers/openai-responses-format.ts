import { contextExceededError, openAiError, quotaExceededError, refuseOpenAiKey } from './openai-chat-format.ts'
import { splitText, sse, type TestRequest, type WireAnswer, type WireError, type WireFormat } from './test-reply.ts'

interface InputItem {
  type?: string
  role?: string
  content?: unknown
  call_id?: string
  output?: unknown
}

const invalid = (message: string): WireError => ({ status: 400, body: openAiError(400, undefined, message) })

/** Responses of OpenAI (https://platform.openai.com/docs/api-reference/responses). */
export const openAiResponsesFormat: WireFormat = {
  parse: (body, headers) => refuseOpenAiKey(headers) ?? parseResponses(body),
  answer: (request, answer) => toResponse(request, answer, isIncomplete(answer) ? 'incomplete' : 'completed'),
  stream(request, answer, isWhole) {
    let number = 0
    const frame = (type: string, more: object) => sse({ type, sequence_number: number++, ...more }, type)
    const empty = { ...toResponse(request, answer, 'in_progress'), output: [], usage: null }
    const frames = [frame('response.created', { response: empty }), frame('response.in_progress', { response: empty })]
    const output = toOutput(answer)
    for (const [output_index, item] of output.entries()) {
      const at = { output_index, item_id: item.id }
      if (item.type === 'message') {
        frames.push(
          frame('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', content: [] } }),
          frame('response.content_part.added', { ...at, content_index: 0, part: { ...item.content[0], text: '' } }),
        )
        for (const delta of splitText(answer.text)) {
          frames.push(frame('response.output_text.delta', { ...at, content_index: 0, delta, logprobs: [] }))
        }
        if (!isWhole) return frames
        frames.push(
          frame('response.output_text.done', { ...at, content_index: 0, text: answer.text, logprobs: [] }),
          frame('response.content_part.done', { ...at, content_index: 0, part: item.content[0] }),
        )
      } else {
        if (!isWhole) return frames
        frames.push(
          frame('response.output_item.added', {
            output_index,
            item: { ...item, status: 'in_progress', arguments: '' },
          }),
          frame('response.function_call_arguments.delta', { ...at, delta: item.arguments }),
          frame('response.function_call_arguments.done', { ...at, arguments: item.arguments }),
        )
      }
      frames.push(frame('response.output_item.done', { output_index, item }))
    }
    if (!isWhole) return frames
    const status = isIncomplete(answer) ? 'incomplete' : 'completed'
    frames.push(frame(`response.${status}`, { response: toResponse(request, answer, status) }))
    return frames
  },
  streamError: () =>
    sse(
      {
        type: 'error',
        sequence_number: 9,
        code: 'server_error',
        message: 'The server had an error while processing your request.',
        param: null,
      },
      'error',
    ),
  error: (status, type, message) => openAiError(status, type, message),
  quotaExceeded: () => quotaExceededError,
  contextExceeded: () => contextExceededError,
}

function parseResponses(body: Record<string, unknown>): TestRequest | WireError {
  if (typeof body.model !== 'string') return invalid("Missing required parameter: 'model'.")
  const items = body.input as InputItem[] | undefined
  if (!Array.isArray(items) || items.length === 0) return invalid("Missing required parameter: 'input'.")
  const openCalls = new Set<string>()
  let input = ''
  let toolResults: string[] = []
  for (const item of items) {
    if (item.type === 'function_call') openCalls.add(item.call_id ?? '')
    else if (item.type === 'function_call_output') {
      if (!openCalls.delete(item.call_id ?? '')) {
        return invalid(`No tool call found for function call output with call_id ${item.call_id}.`)
      }
      toolResults.push(String(item.output))
    } else if (item.role !== undefined) {
      toolResults = []
      if (item.role === 'user') {
        input = Array.isArray(item.content)
          ? item.content.map((part) => part.text ?? '').join('')
          : String(item.content)
      }
    } else if (item.type !== 'reasoning') return invalid(`Invalid value: '${item.type}'.`)
  }
  const [unanswered] = openCalls
  if (unanswered) return invalid(`No tool output found for function call ${unanswered}.`)
  const tools = (body.tools ?? []) as { type: string; name: string }[]
  if (tools.some((tool) => !tool.name)) return invalid("Missing required parameter: 'tools[0].name'.")
  const toolNames = tools.map((tool) => tool.name)
  return { model: body.model, isStream: body.stream === true, input, toolResults, toolNames }
}

const isIncomplete = (answer: WireAnswer) => answer.finish === 'length' || answer.finish === 'content-filter'

function toOutput(answer: WireAnswer) {
  return [
    ...(answer.text === ''
      ? []
      : [
          {
            type: 'message' as const,
            id: 'msg_test',
            status: 'completed',
            role: 'assistant',
            content: [{ type: 'output_text', text: answer.text, annotations: [], logprobs: [] }],
          },
        ]),
    ...answer.calls.map((call) => ({
      type: 'function_call' as const,
      id: `fc_${call.id}`,
      call_id: call.id,
      name: call.name,
      arguments: JSON.stringify(call.input),
      status: 'completed',
    })),
  ]
}

const toResponse = (request: TestRequest, answer: WireAnswer, status: string) => ({
  id: 'resp_test',
  object: 'response',
  created_at: 1_760_000_000,
  status,
  error: null,
  incomplete_details:
    status === 'incomplete' ? { reason: answer.finish === 'length' ? 'max_output_tokens' : 'content_filter' } : null,
  model: request.model,
  output: toOutput(answer),
  parallel_tool_calls: true,
  store: false,
  usage: {
    input_tokens: answer.usage.input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: answer.usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: answer.usage.input + answer.usage.output,
  },
})
