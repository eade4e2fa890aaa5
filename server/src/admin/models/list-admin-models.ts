import type { Services } from '../../app.ts'
import type { Tx } from '../../database/database.ts'
import { listOwnPrices, type OwnPrice } from '../../models/model-price-queries.ts'
import type { Model, ModelPrice } from '../../runtime/models/model-registry.ts'
import type { AdminModel, ModelProvider } from './admin-model-schemas.ts'
import { type ModelUsage, readModelUsage } from './model-usage-queries.ts'

type Registry = Services['models']

/** All models on offer, then those of former runs and those that have a price only. */
export async function listAdminModels(tx: Tx, models: Registry): Promise<AdminModel[]> {
  const prices = new Map((await listOwnPrices(tx)).map((price) => [price.model, price]))
  const usage = new Map((await readModelUsage(tx)).map((row) => [row.model, row]))
  const offered = models.list()
  const others = [...new Set([...prices.keys(), ...usage.keys()])].filter((id) => models.find(id) === null).sort()
  return [
    ...offered.map((model) =>
      describeModel({ models, id: model.id, model, own: prices.get(model.id), usage: usage.get(model.id) }),
    ),
    ...others.map((id) => describeModel({ models, id, model: null, own: prices.get(id), usage: usage.get(id) })),
  ]
}

interface Described {
  models: Registry
  id: string
  model: Model | null
  own: OwnPrice | undefined
  usage: ModelUsage | undefined
}

function describeModel({ models, id, model, own, usage }: Described): AdminModel {
  const listPrice = model ? model.listPrice : models.findListPrice(id)
  const { runs = 0, unpriced_runs = 0, input_tokens = 0, output_tokens = 0, cost_usd = 0 } = usage ?? {}
  return {
    id,
    label: model?.label ?? id.slice(id.indexOf('/') + 1),
    provider: model?.provider ?? id.slice(0, Math.max(0, id.indexOf('/'))),
    is_built_in: model?.isBuiltIn ?? id.startsWith('built-in/'),
    is_default: model !== null && model.id === models.default.id,
    is_offered: model !== null,
    list_price: listPrice && toPrice(listPrice),
    own_price: own ? toPrice(own) : null,
    own_price_set_at: own?.updated_at ?? null,
    unpriced: !own && listPrice === null && !id.startsWith('built-in/'),
    ...{ runs, unpriced_runs, input_tokens, output_tokens, cost_usd },
  }
}

const toPrice = ({ input, output }: ModelPrice) => ({ input_usd: input, output_usd: output })

const known: { id: string; label: string; variables: readonly string[] }[] = [
  { id: 'openai', label: 'OpenAI', variables: ['OPENAI_API_KEY'] },
  { id: 'anthropic', label: 'Anthropic', variables: ['ANTHROPIC_API_KEY'] },
  { id: 'google', label: 'Google', variables: ['GOOGLE_API_KEY'] },
  {
    id: 'compatible',
    label: 'A server that speaks like OpenAI',
    variables: ['COMPATIBLE_BASE_URL', 'COMPATIBLE_MODELS'],
  },
  { id: 'ollama', label: 'Ollama', variables: [] },
]

/** Which providers are set up; of their keys only whether they are there. */
export function listProviders({ config, models }: Pick<Services, 'config' | 'models'>): ModelProvider[] {
  const offered = models.list()
  return known.map(({ id, label, variables }) => {
    const count = offered.filter(({ provider }) => provider === id).length
    // Ollama's address has a default: it is there when it answers with models.
    const isConfigured = id === 'ollama' ? count > 0 : config.models[id as keyof typeof config.models] !== undefined
    return { id, label, is_configured: isConfigured, missing: isConfigured ? [] : [...variables], models: count }
  })
}
