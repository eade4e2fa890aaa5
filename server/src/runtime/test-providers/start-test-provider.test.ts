import { expect, test } from 'vitest'
import { startTestProvider, type TestProviderKind } from './start-test-provider.ts'

async function post(kind: TestProviderKind, path: string, body: unknown, headers: Record<string, string> = {}) {
  const provider = await startTestProvider(kind)
  const response = await fetch(provider.url + path, { method: 'POST', body: JSON.stringify(body), headers })
  const answer = { status: response.status, body: await response.json() }
  await provider.close()
  return answer
}

const bearer = { authorization: 'Bearer sk-test' }
const hello = [{ role: 'user', content: 'Hello' }]
const call = {
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
}

test('OpenAI refuses a request without a key, without messages, and tool results without their call', async () => {
  const path = '/chat/completions'
  expect(await post('openai', path, { model: 'm', messages: hello })).toMatchObject({
    status: 401,
    body: { error: { code: 'invalid_api_key' } },
  })
  expect(await post('openai', path, { model: 'm' }, bearer)).toMatchObject({ status: 400 })
  const stray = [...hello, { role: 'tool', tool_call_id: 'c1', content: 'x' }]
  expect(await post('openai', path, { model: 'm', messages: stray }, bearer)).toMatchObject({ status: 400 })
  const unanswered = [...hello, call, ...hello]
  expect(await post('openai', path, { model: 'm', messages: unanswered }, bearer)).toMatchObject({ status: 400 })
  const whole = [...hello, call, { role: 'tool', tool_call_id: 'c1', content: 'x' }]
  expect(await post('openai', path, { model: 'm', messages: whole }, bearer)).toMatchObject({
    status: 200,
    body: { choices: [{ message: { content: 'The tool said: x' } }] },
  })
})

test('Anthropic demands its key, its version header, max_tokens and results right after their calls', async () => {
  const path = '/messages'
  const headers = { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' }
  const body = { model: 'm', max_tokens: 10, messages: hello }
  expect(await post('anthropic', path, body)).toMatchObject({
    status: 401,
    body: { type: 'error', error: { type: 'authentication_error' } },
  })
  expect(await post('anthropic', path, body, { 'x-api-key': 'k' })).toMatchObject({ status: 400 })
  expect(await post('anthropic', path, { ...body, max_tokens: undefined }, headers)).toMatchObject({
    status: 400,
    body: { error: { message: 'max_tokens: Field required' } },
  })
  const unanswered = [
    ...hello,
    { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'f', input: {} }] },
    ...hello,
  ]
  expect(await post('anthropic', path, { ...body, messages: unanswered }, headers)).toMatchObject({ status: 400 })
  expect(await post('anthropic', path, body, headers)).toMatchObject({
    status: 200,
    body: { content: [{ type: 'text', text: 'You said: Hello' }], stop_reason: 'end_turn' },
  })
})

test('Google demands its key, and a response for each call with its signature', async () => {
  const path = '/models/gemini-2.5-flash:generateContent'
  const headers = { 'x-goog-api-key': 'k' }
  const contents = [{ role: 'user', parts: [{ text: 'Hello' }] }]
  expect(await post('google', path, { contents })).toMatchObject({
    status: 403,
    body: { error: { status: 'PERMISSION_DENIED' } },
  })
  const functionCall = { name: 'f', args: {} }
  const unsigned = [...contents, { role: 'model', parts: [{ functionCall }] }]
  expect(await post('google', path, { contents: unsigned }, headers)).toMatchObject({ status: 400 })
  expect(await post('google', path, { contents }, headers)).toMatchObject({
    status: 200,
    body: { candidates: [{ finishReason: 'STOP', content: { parts: [{ text: 'You said: Hello' }] } }] },
  })
})

test('Ollama lists its models and needs no key', async () => {
  const provider = await startTestProvider('ollama', [], { models: ['qwen3:4b'] })
  const tags = await (await fetch(`${provider.url}/api/tags`)).json()
  expect(tags).toMatchObject({ models: [{ name: 'qwen3:4b' }] })
  await provider.close()
  expect(await post('ollama', '/v1/chat/completions', { model: 'm', messages: hello })).toMatchObject({ status: 200 })
})
