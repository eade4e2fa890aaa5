import { expect, test } from 'vitest'
import { startTestProvider } from '../test-providers/start-test-provider.ts'
import { createModels } from './create-models.ts'

const openai = { apiKey: 'sk-test' }
const anthropic = { apiKey: 'sk-ant-test' }
const ids = (models: ReturnType<typeof createModels>) => models.list().map((model) => model.id)

test('without any provider the built-in model serves, for nothing', () => {
  const models = createModels({})
  expect(ids(models)).toEqual(['built-in/retrieval'])
  expect(models.default).toMatchObject({ isBuiltIn: true, inputPrice: 0, outputPrice: 0 })
})

test('a configured provider offers its well-known models, a fast one by default', () => {
  const models = createModels({ openai, anthropic })
  expect(models.default.id).toBe('openai/gpt-5-mini')
  expect(ids(models)).toContain('anthropic/claude-haiku-4-5')
  expect(models.list().at(-1)?.isBuiltIn).toBe(true)
})

test('the operator chooses the default', () => {
  const models = createModels({ openai, anthropic, defaultModel: 'anthropic/claude-sonnet-5-5' })
  expect(models.default.id).toBe('anthropic/claude-sonnet-5-5')
  expect(models.list()[0]).toBe(models.default)
})

test('a default that is not there gives way to one that is', () => {
  expect(createModels({ openai, defaultModel: 'google/gemini-2.5-pro' }).default.id).toBe('openai/gpt-5-mini')
})

test('the operator allows single models, also ones we do not know, and whole providers', () => {
  const some = createModels({ openai, anthropic, allowed: ['openai/gpt-9-turbo', 'openai/gpt-4.1-mini'] })
  expect(ids(some).sort()).toEqual(['openai/gpt-4.1-mini', 'openai/gpt-9-turbo'])
  expect(some.find('anthropic/claude-haiku-4-5')).toBeNull()
  const whole = createModels({ openai, anthropic, allowed: ['anthropic/*'] })
  expect(whole.default.id).toBe('anthropic/claude-haiku-4-5')
  expect(ids(whole).every((id) => id.startsWith('anthropic/'))).toBe(true)
})

test('prices come from the list, the operator overrides them, unknown ones stay unknown', () => {
  const models = createModels({
    openai,
    allowed: ['openai/gpt-5-mini', 'openai/gpt-4o', 'openai/constructor'],
    prices: { 'openai/gpt-5-mini': { input: 1, output: 3 } },
  })
  expect(models.find('openai/gpt-5-mini')).toMatchObject({ inputPrice: 1, outputPrice: 3 })
  expect(models.find('openai/gpt-4o')).toMatchObject({ inputPrice: 2.5, outputPrice: 10 })
  expect(models.find('openai/constructor')).toMatchObject({ inputPrice: null, outputPrice: null })
})

test('OpenAI itself is asked through Responses, without storing there; a base URL of one own through Chat Completions', () => {
  const official = createModels({ openai }).default
  expect(official.languageModel.provider).toBe('openai.responses')
  expect(official.providerOptions).toEqual({ openai: { store: false } })
  const gateway = createModels({ openai: { ...openai, baseUrl: 'http://127.0.0.1:9/v1' } }).default
  expect(gateway.languageModel.provider).toBe('openai.chat')
})

test('a compatible server offers the models it is configured with', () => {
  const models = createModels({
    compatible: { baseUrl: 'http://127.0.0.1:9/v1', name: 'vllm', models: ['qwen/qwen3'] },
  })
  expect(models.default).toMatchObject({ id: 'vllm/qwen/qwen3', provider: 'vllm', inputPrice: null })
})

test('the models of Ollama are found, follow what it has, and are gone when it is', async () => {
  const provider = await startTestProvider('ollama', [], { models: ['llama3.2:latest', 'qwen3:4b'] })
  const models = createModels({ ollama: { baseUrl: `${provider.url}/` }, defaultModel: 'ollama/qwen3:4b' })
  expect(models.default.isBuiltIn).toBe(true)
  await models.refreshOllama()
  expect(models.default).toMatchObject({ id: 'ollama/qwen3:4b', inputPrice: 0 })
  expect(models.find('ollama/llama3.2')).toBe(models.find('ollama/llama3.2:latest'))
  expect(models.find('ollama/llama3.2')?.provider).toBe('ollama')
  await provider.close()
  await models.refreshOllama()
  expect(ids(models)).toEqual(['built-in/retrieval'])
})

test('an Ollama that does not answer holds up nothing', async () => {
  const provider = await startTestProvider('ollama')
  const hanging = ((_url: unknown, init: RequestInit) =>
    new Promise((_resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(new Error('aborted')))
    })) as unknown as typeof fetch
  const models = createModels({ ollama: { baseUrl: provider.url } }, { fetch: hanging })
  const startedAt = performance.now()
  await models.refreshOllama()
  expect(performance.now() - startedAt).toBeLessThan(1500)
  expect(models.default.isBuiltIn).toBe(true)
  await provider.close()
})

test('a model takes the keys of all providers out of a text', () => {
  const model = createModels({ openai: { apiKey: 'plain-secret' }, google: { apiKey: 'other-secret' } }).default
  expect(model.redact?.('bad plain-secret and other-secret')).toBe('bad [redacted] and [redacted]')
  expect(JSON.stringify(model)).not.toContain('plain-secret"')
})
