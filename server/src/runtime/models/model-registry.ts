import type { LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider'

/** A model the operator offers, ready to be called. */
export interface Model {
  /** `<provider>/<model>`, e.g. `openai/gpt-5-mini`, `built-in/retrieval`. */
  id: string
  provider: string
  label: string
  /** Price in US dollars per million tokens; null when unknown. A run keeps the price with which it began. */
  inputPrice: number | null
  outputPrice: number | null
  /** What the configuration or the list of the provider says, whether or not an admin set another price. */
  listPrice: ModelPrice | null
  isBuiltIn: boolean
  languageModel: LanguageModelV4
  /** Sent along with every call of this model. */
  providerOptions?: SharedV4ProviderOptions
  /** Takes the keys of this provider out of a text that goes into a log. */
  redact?: (text: string) => string
}

export interface ModelPrice {
  /** US dollars per million tokens. */
  input: number
  output: number
}

interface ProviderConfig {
  apiKey: string
  baseUrl?: string
}

/** Which providers are there; filled by the configuration of the server. */
export interface ModelConfig {
  /** `api`: see create-models.ts; `responses` on OpenAI's own address, `chat` with a base URL of one's own. */
  openai?: ProviderConfig & { api?: 'responses' | 'chat' }
  anthropic?: ProviderConfig
  google?: ProviderConfig
  /** Any server that copies OpenAI's chat completions: vLLM, LM Studio, OpenRouter. `name` (default `compatible`) begins its ids. */
  compatible?: { baseUrl: string; apiKey?: string; name?: string; models: string[] }
  /** `baseUrl` as Ollama prints it, without `/v1`. */
  ollama?: { baseUrl: string }
  /** Ids such as `openai/gpt-5-mini` or `openai/*`; absent: the well-known models of each provider that is there. */
  allowed?: string[]
  defaultModel?: string
  prices?: Record<string, ModelPrice>
}

export interface ModelRegistry {
  /** All models on offer; the default first, the built-in one last. */
  list(): Model[]
  find(id: string): Model | null
  readonly default: Model
  /** Looks which models Ollama has now. Ollama not being there is no error: its models are then not on offer. */
  refreshOllama(): Promise<void>
  /** Prices that an admin set, by id of the model, in place of those of the configuration and the lists. */
  setOwnPrices(prices: ReadonlyMap<string, ModelPrice>): void
  /** The list price of a model that need not be on offer. */
  findListPrice(id: string): ModelPrice | null
}
