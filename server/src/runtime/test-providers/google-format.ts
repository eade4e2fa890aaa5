import { splitText, sse, type TestRequest, type WireAnswer, type WireError, type WireFormat } from './test-reply.ts'

interface Part {
  text?: string
  functionCall?: { name: string; args?: unknown }
  functionResponse?: { name: string; response: unknown }
  thoughtSignature?: string
}

const statusNames: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

const finishReasons = { stop: 'STOP', length: 'MAX_TOKENS', 'content-filter': 'SAFETY', 'tool-calls': 'STOP' } as const

function error(status: number, type?: string, message?: string, details: unknown[] = []) {
  const name = type ?? statusNames[status] ?? 'INTERNAL'
  return { error: { code: status, message: message ?? `${name} (test)`, status: name, details } }
}

const invalid = (message: string): WireError => ({ status: 400, body: error(400, undefined, message) })

/** generateContent and streamGenerateContent of Google (https://ai.google.dev/api/generate-content). */
export const googleFormat: WireFormat = {
  parse(body, headers, path) {
    const key = String(headers['x-goog-api-key'] ?? '')
    if (key === '') {
      const message = "Method doesn't allow unregistered callers (callers without established identity)."
      return { status: 403, body: error(403, undefined, message) }
    }
    if (key.includes('wrong')) {
      const reason = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }
      return { status: 400, body: error(400, undefined, 'API key not valid. Please pass a valid API key.', [reason]) }
    }
    return parseContents(body, path)
  },
  answer: (request, answer) => ({
    candidates: [{ content: toContent(answer), finishReason: finishReasons[answer.finish], index: 0 }],
    ...tail(request, answer),
  }),
  stream(request, answer, isWhole) {
    const frame = (parts: Part[], finishReason?: string) =>
      sse({
        candidates: [{ content: { parts, role: 'model' }, ...(finishReason && { finishReason }), index: 0 }],
        ...tail(request, answer),
      })
    const frames = splitText(answer.text).map((text) => frame([{ text }]))
    if (!isWhole) return frames
    frames.push(frame(toContent({ ...answer, text: '' }).parts, finishReasons[answer.finish]))
    return frames
  },
  streamError: () => sse(error(503, undefined, 'The model is overloaded. Please try again later.')),
  error,
  quotaExceeded: () => ({
    status: 402,
    body: error(402, 'FAILED_PRECONDITION', 'Your prepayment credits are depleted. Please go to billing.'),
  }),
  contextExceeded: () =>
    invalid('The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).'),
}

function parseContents(body: Record<string, unknown>, path: string): TestRequest | WireError {
  const match = /\/models\/([^/:]+):(generateContent|streamGenerateContent)(\?.*)?$/.exec(path)
  if (!match) return { status: 404, body: error(404) }
  const contents = body.contents as { role: string; parts: Part[] }[] | undefined
  if (!Array.isArray(contents) || contents.length === 0)
    return invalid('* GenerateContentRequest.contents: contents is not specified')
  let openCalls: string[] = []
  let input = ''
  let toolResults: string[] = []
  for (const { role, parts } of contents) {
    if (role !== 'user' && role !== 'model') return invalid('Please use a valid role: user, model.')
    if (parts.length === 0) return invalid('* GenerateContentRequest.contents.parts: must not be empty')
    const responses = parts.flatMap((part) => part.functionResponse ?? [])
    if (openCalls.length > 0 && responses.length !== openCalls.length) {
      return invalid(
        'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
      )
    }
    if (responses.some((response) => !openCalls.includes(response.name))) {
      return invalid('Please ensure that function response turn comes immediately after a function call turn.')
    }
    const calls = parts.filter((part) => part.functionCall)
    // https://ai.google.dev/gemini-api/docs/thought-signatures: the first call of a step must come back with its signature.
    if (calls.length > 0 && !calls[0]?.thoughtSignature) {
      return invalid(`Function call \`${calls[0]?.functionCall?.name}\` is missing a thought_signature.`)
    }
    openCalls = calls.map((part) => part.functionCall?.name ?? '')
    if (role !== 'user') continue
    toolResults = responses.map((response) => JSON.stringify(response.response))
    const texts = parts.flatMap((part) => part.text ?? [])
    if (texts.length > 0) input = texts.join('')
  }
  const tools = (body.tools ?? []) as { functionDeclarations?: { name: string }[] }[]
  const toolNames = tools.flatMap((tool) => tool.functionDeclarations ?? []).map((tool) => tool.name)
  const isStream = match[2] === 'streamGenerateContent'
  if (isStream && !path.includes('alt=sse')) return invalid('This test provider streams server-sent events only.')
  return { model: match[1] ?? '', isStream, input, toolResults, toolNames }
}

function toContent(answer: WireAnswer): { role: string; parts: Part[] } {
  const parts: Part[] = answer.text === '' ? [] : [{ text: answer.text }]
  for (const [index, call] of answer.calls.entries()) {
    parts.push({
      functionCall: { name: call.name, args: call.input },
      ...(index === 0 && { thoughtSignature: 'dGVzdC1zaWduYXR1cmU=' }),
    })
  }
  return { role: 'model', parts: parts.length > 0 ? parts : [{ text: '' }] }
}

const tail = (request: TestRequest, { usage }: WireAnswer) => ({
  usageMetadata: {
    promptTokenCount: usage.input,
    candidatesTokenCount: usage.output,
    totalTokenCount: usage.input + usage.output,
  },
  modelVersion: request.model,
  responseId: 'test-response',
})
