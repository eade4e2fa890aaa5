import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4 } from '@ai-sdk/provider'
import { createModelFetch } from '../http-fetch.ts'
import { createBuiltInModel } from './built-in-model.ts'
import { knownModels, otherPrices } from './known-models.ts'
import { listOllamaModels } from './list-ollama-models.ts'
import type { Model, ModelConfig, ModelPrice, ModelRegistry } from './model-registry.ts'
import { redact } from './redact.ts'

type Fetch = typeof globalThis.fetch
interface Provider {
  createModel: (name: string) => LanguageModelV4
  names: string[]
  providerOptions?: Model['providerOptions']
}

/** The models on offer. Makes no request; Ollama's models come with `refreshOllama`. */
export function createModels(given: ModelConfig, options: { fetch?: Fetch } = {}): ModelRegistry {
  const config: ModelConfig = {
    ...given,
    allowed: given.allowed?.map(withoutLatest),
    defaultModel: given.defaultModel && withoutLatest(given.defaultModel),
  }
  const fetch = options.fetch ?? createModelFetch()
  const providers = createProviders(config, fetch)
  const secrets = [config.openai, config.anthropic, config.google, config.compatible].flatMap(
    (provider) => provider?.apiKey ?? [],
  )
  const redactKeys = (text: string) => redact(text, secrets)

  const builtIn: Model = {
    id: 'built-in/retrieval',
    provider: 'built-in',
    label: 'Built-in search (no language model)',
    inputPrice: 0,
    outputPrice: 0,
    listPrice: { input: 0, output: 0 },
    isBuiltIn: true,
    languageModel: createBuiltInModel(),
  }

  let ownPrices: ReadonlyMap<string, ModelPrice> = new Map()

  function build(): Map<string, Model> {
    const models: Model[] = []
    for (const [providerName, provider] of providers) {
      for (const name of chooseNames(providerName, provider.names, config)) {
        models.push(
          createModel(providerName, name, provider, { own: ownPrices, configured: config.prices }, redactKeys),
        )
      }
    }
    if (isAllowed(builtIn.id, config.allowed) || models.length === 0) models.push(builtIn)
    // Without a choice of the operator the first fast model of the first provider that is there.
    const first = models.findIndex((model) => model.id === config.defaultModel)
    if (first > 0) models.unshift(...models.splice(first, 1))
    return new Map(models.map((model) => [model.id, model]))
  }

  let models = build()
  return {
    list: () => [...models.values()],
    find: (id) => models.get(withoutLatest(id)) ?? null,
    get default() {
      return models.values().next().value ?? builtIn
    },
    async refreshOllama() {
      const ollama = providers.get('ollama')
      if (!config.ollama || !ollama) return
      ollama.names = (await listOllamaModels(config.ollama.baseUrl, fetch)).map(withoutLatest)
      models = build()
    },
    setOwnPrices(prices) {
      ownPrices = new Map([...prices].map(([id, price]) => [withoutLatest(id), price]))
      models = build()
    },
    findListPrice: (id) => findListPrice(withoutLatest(id), config.prices),
  }
}

function createModel(
  providerName: string,
  name: string,
  provider: Provider,
  prices: { own: ReadonlyMap<string, ModelPrice>; configured: ModelConfig['prices'] },
  redactKeys: (text: string) => string,
): Model {
  const id = `${providerName}/${name}`
  const listPrice = findListPrice(id, prices.configured)
  const price = prices.own.get(id) ?? listPrice
  return {
    id,
    provider: providerName,
    label: findKnown(providerName, name)?.label ?? name,
    inputPrice: price?.input ?? null,
    outputPrice: price?.output ?? null,
    listPrice,
    isBuiltIn: false,
    languageModel: provider.createModel(name),
    providerOptions: provider.providerOptions,
    redact: redactKeys,
  }
}

function findKnown(providerName: string, name: string) {
  return Object.hasOwn(knownModels, providerName)
    ? knownModels[providerName as keyof typeof knownModels][name]
    : undefined
}

function findListPrice(id: string, configured: ModelConfig['prices']): ModelPrice | null {
  const [providerName = ''] = id.split('/', 1)
  // Ollama runs on the operator's own machine.
  const free = providerName === 'ollama' ? { input: 0, output: 0 } : null
  const known = findKnown(providerName, id.slice(providerName.length + 1))
  return configured?.[id] ?? known?.price ?? otherPrices[id] ?? free
}

/** In the order in which a default is looked for. */
function createProviders(config: ModelConfig, fetch: Fetch): Map<string, Provider> {
  const providers = new Map<string, Provider>()
  if (config.openai) {
    const openai = createOpenAI({ apiKey: config.openai.apiKey, baseURL: config.openai.baseUrl, fetch })
    // OpenAI's newer models reason together with tools on the Responses API alone (on Chat Completions a request with tools
    // must switch reasoning off, and some models are not there at all). Behind a base URL of one's own stands a gateway or
    // another server, and Chat Completions is what all of those speak.
    const api = config.openai.api ?? (config.openai.baseUrl ? 'chat' : 'responses')
    const names = Object.keys(knownModels.openai)
    if (api === 'chat') providers.set('openai', { createModel: openai.chat, names })
    // Conversations are kept here, under the user's control, and not at the provider.
    else
      providers.set('openai', { createModel: openai.responses, names, providerOptions: { openai: { store: false } } })
  }
  if (config.anthropic) {
    const anthropic = createAnthropic({ apiKey: config.anthropic.apiKey, baseURL: config.anthropic.baseUrl, fetch })
    providers.set('anthropic', { createModel: anthropic, names: Object.keys(knownModels.anthropic) })
  }
  if (config.google) {
    const google = createGoogle({ apiKey: config.google.apiKey, baseURL: config.google.baseUrl, fetch })
    providers.set('google', { createModel: google, names: Object.keys(knownModels.google) })
  }
  if (config.compatible) {
    const { baseUrl, apiKey, name = 'compatible', models } = config.compatible
    const createModel = createOpenAICompatible({ baseURL: baseUrl, apiKey, name, fetch, includeUsage: true })
    providers.set(name, { createModel, names: models })
  }
  if (config.ollama) {
    const baseURL = `${config.ollama.baseUrl.replace(/\/+$/, '')}/v1`
    const createModel = createOpenAICompatible({ baseURL, name: 'ollama', fetch, includeUsage: true })
    providers.set('ollama', { createModel, names: [] })
  }
  return providers
}

/** The names to offer of one provider: the well-known ones that are allowed, and any other that the operator names. */
function chooseNames(providerName: string, names: string[], config: ModelConfig): string[] {
  const isOllama = providerName === 'ollama'
  const prefix = `${providerName}/`
  const chosen = names.filter((name) => isAllowed(prefix + name, config.allowed))
  // Ollama answers only for models it has; the others take any name.
  if (isOllama) return chosen
  const wanted = [...(config.allowed ?? []), config.defaultModel ?? ''].filter(
    (id) => id.startsWith(prefix) && id !== `${prefix}*`,
  )
  return [...new Set([...chosen, ...wanted.map((id) => id.slice(prefix.length))])]
}

function isAllowed(id: string, allowed: string[] | undefined): boolean {
  if (!allowed || allowed.length === 0) return true
  return allowed.includes(id) || allowed.includes(`${id.slice(0, id.indexOf('/'))}/*`)
}

/** Ollama reads a name without a tag as `:latest`, and so do we. */
function withoutLatest(id: string): string {
  return id.replace(/:latest$/, '')
}
