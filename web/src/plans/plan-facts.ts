import type { Plan } from '../../../api-client/src/api-types.ts'
import { limitFigure, limitOrder, limitSentence, limitWords, switchWords } from '../limits/limit-words.ts'

type Features = Plan['features']

/** The limits that decide which plan somebody takes. */
const onCard = ['user_agents', 'runs_per_month', 'integrations', 'log_retention_days'] as const

/** Switches with something behind them that can be used today; the others are not promised to anybody. */
const shownSwitches = ['api', 'publishing'] as const

export const modelWords = {
  built_in: 'Answers from your own texts',
  all: 'All language models of this site',
} as const

const supportWords = { community: 'Community', email: 'By e-mail', priority: 'By e-mail, first in line' } as const

interface Fact {
  text: string
  /** What a highlight has in it that says the same: nothing stands on a card twice. */
  key: string
}

/** What stands on the card of a plan: its limits as they are, and what its maker adds. */
export function planFacts({ limits, models, switches, highlights }: Features): string[] {
  const facts: Fact[] = [
    ...onCard.map((name) => limitFact(name, limits[name])),
    { text: modelWords[models], key: models === 'all' ? 'all language models' : 'your own texts' },
    ...(switches.api ? [{ text: 'API for your own programs', key: 'API' }] : []),
  ]
  const lines = highlights.map((line) => ` ${line.toLowerCase()} `)
  const isSaid = ({ key }: Fact) => lines.some((line) => line.includes(` ${key.toLowerCase()}`))
  return [...highlights, ...facts.filter((fact) => !isSaid(fact)).map(({ text }) => text)]
}

function limitFact(name: (typeof onCard)[number], limit: number | null): Fact {
  const text = limitSentence(name, limit)
  if (limit === null) return { text, key: unlimitedKeys[name] }
  return { text, key: name === 'log_retention_days' ? limitFigure(name, limit) : text }
}

const unlimitedKeys = {
  user_agents: 'as many agents',
  runs_per_month: 'runs as',
  integrations: 'accounts as',
  log_retention_days: 'as long as',
} as const

export interface ComparisonRow {
  title: string
  help: string
  /** One a plan, in their order: a figure, or whether it is in. */
  values: (string | boolean)[]
}

/** Everything in which plans can differ, as rows of a table. */
export function comparePlans(plans: readonly Pick<Plan, 'features'>[]): ComparisonRow[] {
  const all = plans.map(({ features }) => features)
  return [
    ...limitOrder.map((name) => ({
      title: limitWords(name).title,
      help: limitWords(name).help,
      values: all.map(({ limits }) => figureOf(name, limits[name])),
    })),
    { title: 'Models', help: 'What writes the answers.', values: all.map(({ models }) => modelWords[models]) },
    ...shownSwitches.map((name) => ({
      ...switchWords(name),
      values: all.map(({ switches }) => switches[name]),
    })),
    {
      title: 'Kinds of accounts',
      help: 'Which accounts and servers can be connected.',
      values: all.map(({ integration_types: types }) => (types === null ? 'All' : listWords(types))),
    },
    { title: 'Support', help: 'How questions are answered.', values: all.map(({ support }) => supportWords[support]) },
  ]
}

function figureOf(name: string, limit: number | null): string {
  if (limit === null) return name === 'log_retention_days' ? 'As long as you like' : 'No limit'
  return limit === 0 ? 'None' : limitFigure(name, limit)
}

function listWords(types: readonly string[]): string {
  return types.length === 0 ? 'None' : types.map((type) => type.replaceAll('_', ' ')).join(', ')
}
