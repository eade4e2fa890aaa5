import type { ModelPrice } from './model-registry.ts'

export interface KnownModel {
  label: string
  /** Left out where no list price was found; the cost of a run is then not known. */
  price?: ModelPrice
}

/**
 * The models offered for each provider when the operator names none: a fast one first, which is also the default, then
 * stronger ones. Others can be named in `MODELS`. Prices are a snapshot of the providers' public lists in US dollars per
 * million tokens (standard tier, short context); they go out of date, and the operator can override each.
 */
export const knownModels: Record<'openai' | 'anthropic' | 'google', Record<string, KnownModel>> = {
  openai: {
    'gpt-5-mini': { label: 'GPT-5 mini', price: { input: 0.25, output: 2 } },
    'gpt-5.6-luna': { label: 'GPT-5.6 Luna', price: { input: 1, output: 6 } },
    'gpt-5.6-terra': { label: 'GPT-5.6 Terra', price: { input: 2.5, output: 15 } },
    'gpt-5.6-sol': { label: 'GPT-5.6 Sol', price: { input: 5, output: 30 } },
    'gpt-4.1-mini': { label: 'GPT-4.1 mini', price: { input: 0.4, output: 1.6 } },
  },
  anthropic: {
    'claude-haiku-4-5': { label: 'Claude Haiku 4.5', price: { input: 1, output: 5 } },
    'claude-haiku-5-5': { label: 'Claude Haiku 5.5' },
    'claude-sonnet-4-6': { label: 'Claude Sonnet 4.6', price: { input: 3, output: 15 } },
    'claude-sonnet-5-5': { label: 'Claude Sonnet 5.5' },
    'claude-opus-4-8': { label: 'Claude Opus 4.8', price: { input: 5, output: 25 } },
  },
  google: {
    'gemini-2.5-flash': { label: 'Gemini 2.5 Flash', price: { input: 0.3, output: 2.5 } },
    'gemini-2.5-flash-lite': { label: 'Gemini 2.5 Flash-Lite', price: { input: 0.1, output: 0.4 } },
    'gemini-3.5-flash': { label: 'Gemini 3.5 Flash', price: { input: 1.5, output: 9 } },
    'gemini-2.5-pro': { label: 'Gemini 2.5 Pro', price: { input: 1.25, output: 10 } },
  },
}

/** List prices of models that are not offered by themselves, so that naming one still gives a cost. */
export const otherPrices: Record<string, ModelPrice> = {
  'openai/gpt-5': { input: 1.25, output: 10 },
  'openai/gpt-5-nano': { input: 0.05, output: 0.4 },
  'openai/gpt-5.1': { input: 1.25, output: 10 },
  'openai/gpt-5.2': { input: 1.75, output: 14 },
  'openai/gpt-5.4': { input: 2.5, output: 15 },
  'openai/gpt-5.5': { input: 5, output: 30 },
  'openai/gpt-4.1': { input: 2, output: 8 },
  'openai/gpt-4.1-nano': { input: 0.1, output: 0.4 },
  'openai/gpt-4o': { input: 2.5, output: 10 },
  'openai/gpt-4o-mini': { input: 0.15, output: 0.6 },
  'anthropic/claude-sonnet-4-5': { input: 3, output: 15 },
  'anthropic/claude-opus-4-5': { input: 5, output: 25 },
  'anthropic/claude-opus-4-6': { input: 5, output: 25 },
  'anthropic/claude-opus-4-1': { input: 15, output: 75 },
  'google/gemini-3-flash-preview': { input: 0.5, output: 3 },
  'google/gemini-3.1-pro-preview': { input: 2, output: 12 },
}
