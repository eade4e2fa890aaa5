import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createModelFetch, type ModelFetch } from './http-fetch.ts'
import { createModels } from './models/create-models.ts'
import type { Model, ModelConfig } from './models/model-registry.ts'
import { runSteps } from './run-steps.ts'
import type { RunEvent, RunOutcome, RunRequest } from './run-types.ts'
import { startTestProvider, type TestProvider, type TestProviderKind } from './test-providers/start-test-provider.ts'
import type { TestReply } from './test-providers/test-reply.ts'
import { builtInTool, type RunTool } from './tools/run-tool.ts'
import { createTestMemories } from './tools/run-tool-testing.ts'

type Api = 'openai-chat' | 'openai-responses' | 'anthropic' | 'google' | 'compatible' | 'ollama'

const kinds: Record<Api, TestProviderKind> = {
  'openai-chat': 'openai',
  'openai-responses': 'openai',
  anthropic: 'anthropic',
  google: 'google',
  compatible: 'compatible',
  ollama: 'ollama',
}
const apis = Object.keys(kinds) as Api[]
const key = 'sk-test-1234567890'
const providers = {} as Record<Api, TestProvider>
let fetch: ModelFetch

beforeAll(async () => {
  fetch = createModelFetch()
  for (const api of apis) providers[api] = await startTestProvider(kinds[api])
})

afterAll(async () => {
  for (const api of apis) await providers[api].close()
  await fetch.close()
})

async function createModel(api: Api, apiKey = key): Promise<Model> {
  const baseUrl = providers[api].url
  const configs: Record<Api, ModelConfig> = {
    'openai-chat': { openai: { apiKey, baseUrl } },
    'openai-responses': { openai: { apiKey, baseUrl, api: 'responses' } },
    anthropic: { anthropic: { apiKey, baseUrl } },
    google: { google: { apiKey, baseUrl } },
    compatible: { compatible: { baseUrl, models: ['local-model'] } },
    ollama: { ollama: { baseUrl } },
  }
  const models = createModels(configs[api], { fetch })
  await models.refreshOllama()
  return models.default
}

interface Given {
  script?: TestReply[]
  tools?: RunTool[]
  isStreaming?: boolean
  input?: string
  history?: RunRequest['history']
  limits?: Partial<RunRequest['limits']>
  signal?: AbortSignal
  apiKey?: string
  model?: Model
  onEvent?: (event: RunEvent) => void
}

async function run(api: Api, given: Given = {}): Promise<RunOutcome & { events: RunEvent[]; shown: string }> {
  const model = given.model ?? (await createModel(api, given.apiKey))
  providers[api].requests.length = 0
  providers[api].setScript(given.script ?? [])
  const events: RunEvent[] = []
  const outcome = await runSteps(
    {
      agentName: 'Test agent',
      capabilities: {
        instructions: 'You answer customers of {{settings.shop}}.',
        settings: { type: 'object', properties: { shop: { type: 'string', title: 'Shop' } }, required: [] },
        example_settings: {},
        starters: [],
        tools: [],
        knowledge: [],
        integrations: [],
        model: { needs_tools: false },
      },
      settings: { shop: 'Blue Teapot' },
      model,
      history: given.history ?? [],
      memories: createTestMemories(),
      input: given.input ?? 'Hello there',
      limits: {
        maxSteps: 4,
        maxToolCalls: 8,
        timeoutMs: 5000,
        firstByteTimeoutMs: 2000,
        idleTimeoutMs: 2000,
        retryDelayMs: 5,
        ...given.limits,
      },
      signal: given.signal ?? new AbortController().signal,
      ...(given.isStreaming && {
        onEvent: (event: RunEvent) => {
          events.push(event)
          given.onEvent?.(event)
        },
      }),
    },
    given.tools ?? [],
  )
  const shown = events.map((event) => (event.kind === 'text-delta' ? event.text : '')).join('')
  return { ...outcome, events, shown }
}

const weather: RunTool = builtInTool({
  name: 'weather',
  title: 'The weather',
  description: 'The weather in a city.',
  inputSchema: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  async execute(input, { addCitation, settings }) {
    const { city } = input as { city: string }
    addCitation({ title: 'Weather report', path: '/weather', excerpt: `${city} is sunny` })
    return { city, sky: 'sunny', asked_by: settings.shop }
  },
})
const askWeather: TestReply = { kind: 'tool-calls', calls: [{ name: 'weather', input: { city: 'Oslo' } }] }

describe.each(apis)('%s', (api) => {
  describe.each([false, true])('streaming: %s', (isStreaming) => {
    test('answers with text, tokens and a finish reason', async () => {
      const outcome = await run(api, { isStreaming })
      expect(outcome).toMatchObject({
        status: 'succeeded',
        output: 'You said: Hello there',
        error_code: null,
        finish_reason: 'stop',
        input_tokens: 12,
        output_tokens: 5,
        is_sanitised: false,
      })
      expect(outcome.shown).toBe(isStreaming ? outcome.output : '')
      expect(JSON.stringify(providers[api].requests[0]?.body)).toContain('You answer customers of Blue Teapot.')
    })

    test('sends the conversation so far', async () => {
      await run(api, {
        isStreaming,
        history: [
          { role: 'user', text: 'My name is Ada' },
          { role: 'assistant', text: 'Hello Ada' },
        ],
      })
      const body = JSON.stringify(providers[api].requests[0]?.body)
      expect(body.indexOf('My name is Ada')).toBeLessThan(body.indexOf('Hello Ada'))
      expect(body.indexOf('Hello Ada')).toBeLessThan(body.indexOf('Hello there'))
    })

    test('calls the tools the model asks for and gives their results back', async () => {
      const calls = [
        { name: 'weather', input: { city: 'Oslo' } },
        { name: 'weather', input: { city: 'Rome' } },
      ]
      const outcome = await run(api, {
        isStreaming,
        tools: [weather],
        script: [
          { kind: 'tool-calls', text: 'Let me look.', calls },
          { kind: 'text', text: 'Both are sunny. [1]' },
        ],
      })
      expect(outcome).toMatchObject({
        status: 'succeeded',
        output: 'Let me look.\n\nBoth are sunny. [1]',
        input_tokens: 24,
        output_tokens: 10,
      })
      expect(outcome.steps[0]?.tool_calls.map((call) => call.input)).toEqual([{ city: 'Oslo' }, { city: 'Rome' }])
      expect(outcome.steps[0]?.tool_results.map((result) => result.output)).toEqual([
        { city: 'Oslo', sky: 'sunny', asked_by: 'Blue Teapot' },
        { city: 'Rome', sky: 'sunny', asked_by: 'Blue Teapot' },
      ])
      expect(outcome.citations).toEqual([
        { number: 1, title: 'Weather report', path: '/weather', excerpt: 'Oslo is sunny' },
      ])
      expect(providers[api].requests).toHaveLength(2)
      expect(JSON.stringify(providers[api].requests[1]?.body)).toContain('sunny')
      if (!isStreaming) return
      expect(outcome.shown).toBe(outcome.output)
      const order = [...new Set(outcome.events.map((event) => event.kind))]
      expect(order).toEqual(['text-delta', 'tool-call', 'tool-result', 'step-end', 'citation'])
    })

    test('cites only what the answer names', async () => {
      const outcome = await run(api, {
        isStreaming,
        tools: [weather],
        script: [
          { kind: 'tool-calls', calls: [{ name: 'weather', input: { city: 'Oslo' } }] },
          { kind: 'text', text: 'It is sunny.' },
        ],
      })
      expect(outcome).toMatchObject({ status: 'succeeded', citations: [] })
    })

    test('reports a wrong key without asking again and without the key', async () => {
      const outcome = await run(api, {
        isStreaming,
        apiKey: 'sk-wrong-key-1234567890',
        ...(needsNoKey(api) && {
          script: [{ kind: 'error', status: 401, message: 'Bad key sk-wrong-key-1234567890' }],
        }),
      })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_auth_failed', output: '' })
      expect(outcome.error_detail).toMatch(/key/i)
      expect(outcome.error_detail).not.toContain('sk-wrong')
      expect(providers[api].requests).toHaveLength(1)
    })

    test('waits as long as a limited provider asks, then goes on', async () => {
      const startedAt = performance.now()
      const limited: TestReply = { kind: 'error', status: 429, headers: { 'retry-after-ms': '120' } }
      const outcome = await run(api, { isStreaming, script: [limited, { kind: 'text', text: 'Now then.' }] })
      expect(outcome).toMatchObject({ status: 'succeeded', output: 'Now then.' })
      expect(outcome.steps[0]?.retries).toBe(1)
      expect(performance.now() - startedAt).toBeGreaterThan(115)
    })

    test('does not wait for a provider that asks for too long', async () => {
      const outcome = await run(api, {
        isStreaming,
        script: [{ kind: 'error', status: 429, headers: { 'retry-after': '30' } }],
      })
      expect(outcome).toMatchObject({
        status: 'failed',
        error_code: 'model_rate_limited',
        retry_after_seconds: 30,
      })
      expect(providers[api].requests).toHaveLength(1)
    })

    test('asks a failing provider three times', async () => {
      const failing: TestReply = { kind: 'error', status: 500, message: 'Internal trouble' }
      const outcome = await run(api, { isStreaming, script: [failing, failing, failing, failing] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_error' })
      expect(outcome.error_detail).toContain('Internal trouble')
      expect(providers[api].requests).toHaveLength(3)
      const recovered = await run(api, { isStreaming, script: [failing, failing] })
      expect(recovered).toMatchObject({ status: 'succeeded', output: 'You said: Hello there' })
      expect(recovered.steps[0]?.retries).toBe(2)
    })

    test('says that an overloaded provider is overloaded', async () => {
      const full: TestReply = { kind: 'error', status: api === 'anthropic' ? 529 : 503 }
      const outcome = await run(api, { isStreaming, script: [full, full, full] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_overloaded' })
      expect(providers[api].requests).toHaveLength(3)
    })

    test('tells an empty account from a limited one', async () => {
      const outcome = await run(api, { isStreaming, script: [{ kind: 'quota-exceeded' }] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_quota_exceeded' })
      expect(providers[api].requests).toHaveLength(1)
    })

    test('tells a conversation that is too long', async () => {
      const outcome = await run(api, { isStreaming, script: [{ kind: 'context-exceeded' }] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_context_exceeded' })
    })

    test('does not take a web page for an answer', async () => {
      const outcome = await run(api, { isStreaming, script: [{ kind: 'html' }] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_bad_response' })
      expect(providers[api].requests).toHaveLength(1)
    })

    test('does not take broken JSON for an answer', async () => {
      const outcome = await run(api, { isStreaming, script: [{ kind: 'invalid-json' }] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_bad_response' })
    })

    test('does not carry the key to where a redirect points', async () => {
      const elsewhere = await startTestProvider(kinds[api])
      const outcome = await run(api, { isStreaming, script: [{ kind: 'redirect', to: elsewhere.url }] })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_bad_response' })
      expect(elsewhere.requests).toHaveLength(0)
      await elsewhere.close()
    })

    test('reports an answer that the provider blocked', async () => {
      const outcome = await run(api, {
        isStreaming,
        script: [{ kind: 'text', text: 'I would', finishReason: 'content-filter' }],
      })
      expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_refused', output: 'I would' })
    })

    test('takes an answer that reached the length limit, and says so', async () => {
      const outcome = await run(api, {
        isStreaming,
        script: [{ kind: 'text', text: 'A long story', finishReason: 'length' }],
      })
      expect(outcome).toMatchObject({ status: 'succeeded', output: 'A long story', finish_reason: 'length' })
    })

    test('aborts the call of the provider when the run is cancelled', async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort('cancelled'), 80)
      const startedAt = performance.now()
      const outcome = await run(api, { isStreaming, script: [{ kind: 'hang' }], signal: controller.signal })
      expect(outcome).toMatchObject({ status: 'cancelled', error_code: 'cancelled' })
      expect(performance.now() - startedAt).toBeLessThan(400)
      await expect.poll(() => providers[api].requests[0]?.isAborted).toBe(true)
    })

    test('replaces what PostgreSQL cannot store', async () => {
      const outcome = await run(api, { isStreaming, script: [{ kind: 'text', text: 'a\u0000b \ud800 c \u{1F600}' }] })
      expect(outcome).toMatchObject({ status: 'succeeded', output: 'a\uFFFDb \uFFFD c \u{1F600}', is_sanitised: true })
      expect(outcome.shown).toBe(isStreaming ? outcome.output : '')
    })
  })

  test('keeps what came before a stream was cut, and does not ask again', async () => {
    const outcome = await run(api, { isStreaming: true, script: [{ kind: 'cut', afterText: 'The beginning ' }] })
    expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_stream_cut', output: 'The beginning ' })
    expect(outcome.shown).toBe(outcome.output)
    expect(outcome.steps[0]).toMatchObject({ text: 'The beginning ', is_usage_estimated: true })
    expect(providers[api].requests).toHaveLength(1)
  })

  test('asks again when the connection breaks before any text', async () => {
    const outcome = await run(api, { isStreaming: true, script: [{ kind: 'cut' }] })
    expect(outcome).toMatchObject({ status: 'succeeded', output: 'You said: Hello there' })
    const unstreamed = await run(api, { script: [{ kind: 'cut', afterText: 'x' }] })
    expect(unstreamed).toMatchObject({ status: 'succeeded', output: 'You said: Hello there' })
  })

  test('does not take a stream without its end mark for a whole answer', async () => {
    const outcome = await run(api, { isStreaming: true, script: [{ kind: 'end-early', afterText: 'Half of ' }] })
    expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_stream_cut', output: 'Half of ' })
  })

  test('maps an error inside a stream, after text and before it', async () => {
    const code = api === 'anthropic' || api === 'google' ? 'model_overloaded' : 'model_error'
    const late = await run(api, { isStreaming: true, script: [{ kind: 'stream-error', afterText: 'So far ' }] })
    expect(late).toMatchObject({ status: 'failed', error_code: code, output: 'So far ' })
    expect(providers[api].requests).toHaveLength(1)
    const early = await run(api, { isStreaming: true, script: [{ kind: 'stream-error' }] })
    expect(early).toMatchObject({ status: 'succeeded', output: 'You said: Hello there' })
    expect(providers[api].requests).toHaveLength(2)
  })

  test('ends as interrupted when the server stops, with the text so far', async () => {
    const controller = new AbortController()
    const outcome = await run(api, {
      isStreaming: true,
      script: [{ kind: 'text', text: 'one two three four five six seven eight', chunkDelayMs: 40 }],
      signal: controller.signal,
      onEvent: (event) => event.kind === 'text-delta' && controller.abort('interrupted'),
    })
    expect(outcome).toMatchObject({ status: 'interrupted', error_code: 'interrupted', output: 'one ' })
    await expect.poll(() => providers[api].requests[0]?.isAborted).toBe(true)
  })
})

// These wait, so all providers wait at the same time.
describe('every provider', () => {
  const onAll = (given: Given) => Promise.all(apis.map(async (api) => ({ api, ...(await run(api, given)) })))

  test.each([false, true])('is given up when it hangs, after one more try (streaming: %s)', async (isStreaming) => {
    const startedAt = performance.now()
    const outcomes = await onAll({
      isStreaming,
      script: [{ kind: 'hang' }, { kind: 'hang' }, { kind: 'hang' }],
      limits: { firstByteTimeoutMs: 150, idleTimeoutMs: 100 },
    })
    for (const outcome of outcomes) {
      const { api } = outcome
      expect(outcome).toMatchObject({ api, status: 'failed', error_code: 'model_timeout' })
      expect(providers[api].requests, api).toHaveLength(2)
    }
    expect(performance.now() - startedAt).toBeLessThan(4000)
  })

  test.each([false, true])('is stopped when the time of the run is over (streaming: %s)', async (isStreaming) => {
    const outcomes = await onAll({
      isStreaming,
      script: [{ kind: 'drip', text: 'Slowly but surely it comes.', intervalMs: 10 }],
      limits: { timeoutMs: 400 },
    })
    for (const outcome of outcomes) {
      const { api } = outcome
      expect(outcome).toMatchObject({ api, status: 'failed', error_code: 'run_timeout' })
      await expect.poll(() => providers[api].requests[0]?.isAborted).toBe(true)
    }
  })

  test('is stopped when its stream falls silent, and the text is kept', async () => {
    const outcomes = await onAll({
      isStreaming: true,
      script: [{ kind: 'stall', afterText: 'Wait for ' }],
      limits: { idleTimeoutMs: 150 },
    })
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        api: outcome.api,
        status: 'failed',
        error_code: 'model_timeout',
        output: 'Wait for ',
      })
    }
  })
})

function needsNoKey(api: Api): boolean {
  return api === 'compatible' || api === 'ollama'
}

describe('the tool loop', () => {
  const api = 'openai-chat'
  const resultsOf = async (given: Given) => (await run(api, given)).steps[0]?.tool_results ?? []

  test('tells the model which tools there are when it asks for another', async () => {
    const [result] = await resultsOf({
      tools: [weather],
      script: [{ kind: 'tool-calls', calls: [{ name: 'delete_everything', input: {} }] }],
    })
    expect(result).toMatchObject({
      is_error: true,
      output: { error: 'There is no tool "delete_everything". The tools are: weather.' },
    })
    expect(JSON.stringify(providers[api].requests[1]?.body)).toContain('The tools are: weather.')
  })

  test('tells the model what is wrong with the input of a tool', async () => {
    const [result] = await resultsOf({
      tools: [weather],
      script: [{ kind: 'tool-calls', calls: [{ name: 'weather', input: { town: 'Oslo' } }] }],
    })
    expect(result?.is_error).toBe(true)
    expect(JSON.stringify(result?.output)).toMatch(/does not fit the schema.*city/)
  })

  test('survives tool input that is no JSON', async () => {
    const body = {
      id: 'x',
      created: 1,
      model: 'm',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":' } }],
          },
        },
      ],
    }
    const script: TestReply[] = [
      { kind: 'raw', status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    ]
    const outcome = await run(api, { tools: [weather], script })
    expect(outcome.steps[0]?.tool_results[0]).toMatchObject({
      is_error: true,
      output: { error: 'The input is not valid JSON.' },
    })
    expect(outcome.status).toBe('succeeded')
  })

  test('turns an error of a tool into a result that the model reads', async () => {
    const failing: RunTool = {
      ...weather,
      execute: async () => {
        throw new Error('The weather station is closed; ask for another city.')
      },
    }
    const outcome = await run(api, { tools: [failing], script: [askWeather] })
    expect(outcome.status).toBe('succeeded')
    expect(outcome.output).toContain('The weather station is closed')
    expect(outcome.steps[0]?.tool_results[0]?.is_error).toBe(true)
  })

  test('stores results that hold NUL, are huge or no JSON at all', async () => {
    const odd: unknown[] = [{ text: 'a\u0000b' }, 'x'.repeat(60_000), 1n, undefined]
    const tool: RunTool = { ...weather, inputSchema: { type: 'object' }, execute: async () => odd.shift() }
    const calls = [1, 2, 3, 4].map(() => ({ name: 'weather', input: {} }))
    const outcome = await run(api, { tools: [tool], script: [{ kind: 'tool-calls', calls }] })
    const results = outcome.steps[0]?.tool_results.map((result) => result.output)
    expect(results?.[0]).toEqual({ text: 'a\uFFFDb' })
    expect(results?.[1]).toMatch(/x\n\[Cut here: the whole result has 60000 characters\.\]$/)
    expect(results?.[2]).toHaveProperty('error')
    expect(results?.[3]).toBeNull()
    expect(outcome.is_sanitised).toBe(true)
  })

  test('runs the calls of one step at the same time', async () => {
    const slow: RunTool = {
      ...weather,
      execute: () => new Promise((resolve) => setTimeout(() => resolve('done'), 100)),
    }
    const calls = [1, 2, 3, 4].map(() => ({ name: 'weather', input: { city: 'Oslo' } }))
    const startedAt = performance.now()
    await run(api, { tools: [slow], script: [{ kind: 'tool-calls', calls }] })
    expect(performance.now() - startedAt).toBeLessThan(300)
  })

  test('stops a run in which a tool does not end', async () => {
    const stuck: RunTool = { ...weather, execute: () => new Promise(() => {}) }
    const outcome = await run(api, { tools: [stuck], script: [askWeather], limits: { timeoutMs: 200 } })
    expect(outcome).toMatchObject({ status: 'failed', error_code: 'run_timeout' })
    expect(outcome.steps[0]?.tool_results[0]).toMatchObject({ is_error: true })
  })

  test('asks for a conclusion without tools in the last step that is allowed', async () => {
    const outcome = await run(api, {
      tools: [weather],
      script: [askWeather, askWeather, { kind: 'text', text: 'It is sunny.' }],
      limits: { maxSteps: 3 },
    })
    expect(outcome).toMatchObject({ status: 'succeeded', output: 'It is sunny.' })
    expect(providers[api].requests[2]?.body.tool_choice).toBe('none')
    expect(providers[api].requests[1]?.body.tool_choice).not.toBe('none')
  })

  test('ends with step_limit when the model goes on asking for tools', async () => {
    const outcome = await run(api, {
      tools: [weather],
      script: [askWeather, askWeather, askWeather],
      limits: { maxSteps: 3 },
    })
    expect(outcome).toMatchObject({ status: 'failed', error_code: 'step_limit' })
    expect(outcome.steps).toHaveLength(3)
    expect(outcome.steps[2]?.tool_results).toEqual([])
  })

  test('refuses calls beyond the limit and asks for a conclusion', async () => {
    const calls = Array.from({ length: 1000 }, () => ({ name: 'weather', input: { city: 'Oslo' } }))
    const outcome = await run(api, {
      tools: [weather],
      script: [
        { kind: 'tool-calls', calls },
        { kind: 'text', text: 'Enough.' },
      ],
      limits: { maxToolCalls: 2 },
    })
    expect(outcome).toMatchObject({ status: 'succeeded', output: 'Enough.' })
    expect(outcome.steps[0]?.tool_results.filter((result) => !result.is_error)).toHaveLength(2)
    expect(providers[api].requests[1]?.body.tool_choice).toBe('none')
  })

  test('fails an answer without any text', async () => {
    const outcome = await run(api, { script: [{ kind: 'text', text: '' }] })
    expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_bad_response' })
  })

  test.each([false, true])('says when the provider cannot be reached (streaming: %s)', async (isStreaming) => {
    const model = createModels({ openai: { apiKey: key, baseUrl: 'http://127.0.0.1:1/v1' } }, { fetch }).default
    const outcome = await run(api, { model, isStreaming })
    expect(outcome).toMatchObject({ status: 'failed', error_code: 'model_unreachable', output: '' })
    expect(outcome.error_detail).toContain('ECONNREFUSED')
  })

  test('does not wait for a retry that the time of the run does not allow', async () => {
    const startedAt = performance.now()
    const outcome = await run(api, {
      script: [{ kind: 'error', status: 429, headers: { 'retry-after': '2' } }],
      limits: { timeoutMs: 1000 },
    })
    expect(outcome).toMatchObject({ error_code: 'model_rate_limited', retry_after_seconds: 2 })
    expect(performance.now() - startedAt).toBeLessThan(500)
  })

  test('does not start a run that was cancelled before', async () => {
    const outcome = await run(api, { signal: AbortSignal.abort('cancelled') })
    expect(outcome).toMatchObject({ status: 'cancelled', error_code: 'cancelled' })
    expect(providers[api].requests).toHaveLength(0)
  })

  test('comes back with an outcome also when a listener throws', async () => {
    const outcome = await run(api, {
      isStreaming: true,
      onEvent: () => {
        throw new Error('listener is gone')
      },
    })
    expect(outcome.status).toBe('failed')
  })
})
