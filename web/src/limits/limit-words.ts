import type { LimitName, SwitchName } from '../../../server/src/plans/plan-features.ts'
import { formatCost, formatCount } from '../agent-logs/format-run.ts'

interface LimitWords {
  /** Heads its row. */
  title: string
  /** What it counts, in a sentence. */
  help: string
  /** A number of it: `5,000 runs a month`. */
  amount: (value: number) => string
  unlimited: string
  /** How one gets under it again without another plan; null: by waiting. */
  wayOut: string | null
}

const known: Record<LimitName, LimitWords> = {
  user_agents: {
    title: 'Agents',
    help: 'Agents of your own that are switched on.',
    amount: (value) => countWords(value, 'agent'),
    unlimited: 'As many agents as you like',
    wayOut: 'Switch one off under “My agents”',
  },
  runs_per_month: {
    title: 'Runs a month',
    help: 'A run is one question and its answer, with all that the agent does between. Failed runs do not count.',
    amount: (value) => `${countWords(value, 'run')} a month`,
    unlimited: 'As many runs as you like',
    wayOut: null,
  },
  tokens_per_month: {
    title: 'Tokens a month',
    help: 'What models read and write. Three words are about four tokens.',
    amount: (value) => `${countWords(value, 'token')} a month`,
    unlimited: 'As many tokens as you like',
    wayOut: null,
  },
  cost_usd_per_month: {
    title: 'Model cost a month',
    help: 'What the models cost that your agents use.',
    amount: (value) => `${formatCost(value)} of model cost a month`,
    unlimited: 'No limit of model cost',
    wayOut: null,
  },
  integrations: {
    title: 'Connected accounts',
    help: 'Mailboxes, servers and other accounts of the agents that are switched on.',
    amount: (value) => countWords(value, 'connected account'),
    unlimited: 'As many connected accounts as you like',
    wayOut: 'Remove an account, or switch off an agent that has some',
  },
  api_keys: {
    title: 'API keys',
    help: 'Keys of your own programs that are neither revoked nor expired.',
    amount: (value) => countWords(value, 'API key'),
    unlimited: 'As many API keys as you like',
    wayOut: 'Revoke a key that nothing uses any more',
  },
  concurrent_runs: {
    title: 'Runs at the same time',
    help: 'How many answers can be worked on at once.',
    amount: (value) => `${countWords(value, 'run')} at the same time`,
    unlimited: 'As many runs at the same time as you like',
    wayOut: 'Wait until one has ended',
  },
  log_retention_days: {
    title: 'Logs are kept',
    help: 'How long conversations can be looked up.',
    amount: (value) => `Logs kept for ${timeWords(value)}`,
    unlimited: 'Logs kept as long as you like',
    wayOut: null,
  },
  upload_kb: {
    title: 'Texts of an agent',
    help: 'How much the answers in the form of one agent may hold.',
    amount: (value) => `${sizeWords(value)} of texts an agent`,
    unlimited: 'Texts of any length',
    wayOut: 'Shorten the texts',
  },
}

/** In words. A limit that this page does not know yet keeps its name. */
export function limitWords(name: string): LimitWords {
  if (isKnown(name, known)) return known[name]
  const title = readable(name)
  return {
    title,
    help: '',
    amount: (value) => `${formatCount(value)} (${title})`,
    unlimited: `No limit (${title})`,
    wayOut: null,
  }
}

/** In the order in which people look at them. */
export const limitOrder = Object.keys(known) as LimitName[]

function isKnown<Name extends string>(name: string, words: Record<Name, unknown>): name is Name {
  return Object.hasOwn(words, name)
}

function readable(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')
}

/** `5,000 runs a month`, or that there is no limit. */
export function limitSentence(name: string, limit: number | null): string {
  return limit === null ? limitWords(name).unlimited : limitWords(name).amount(limit)
}

/** The bare figure for tables and bars: `5,000`, `$25.00`, `90 days`. */
export function limitFigure(name: string, value: number): string {
  if (name === 'cost_usd_per_month' || name === 'cost_cap') return formatCost(value)
  if (name === 'log_retention_days') return timeWords(value)
  if (name === 'upload_kb') return sizeWords(value)
  return formatCount(value)
}

function countWords(value: number, noun: string): string {
  return `${value === 0 ? 'No' : formatCount(value)} ${noun}${value === 1 ? '' : 's'}`
}

function timeWords(days: number): string {
  if (days === 0 || days % 365 !== 0) return countWords(days, 'day')
  return days === 365 ? 'a year' : `${days / 365} years`
}

function sizeWords(kb: number): string {
  return kb >= 1024 ? `${formatCount(Math.round((kb / 1024) * 10) / 10)} MB` : `${formatCount(kb)} kB`
}

const switches: Record<SwitchName, { title: string; help: string }> = {
  api: { title: 'API', help: 'Your own programs and every client of OpenAI can call your agents.' },
  widget: { title: 'Chat on your website', help: 'Your agents answer the visitors of your own site.' },
  schedules: { title: 'Schedules', help: 'Agents that work by themselves at set times.' },
  publishing: { title: 'Publishing agents', help: 'Agents that you make can be offered to everybody here.' },
  own_model_keys: { title: 'Keys of your own', help: 'Use your own account at a model provider.' },
}

export function switchWords(name: string): { title: string; help: string } {
  return isKnown(name, switches) ? switches[name] : { title: readable(name), help: '' }
}

/** A date that holds for everybody: limits begin anew at midnight UTC. `1 December`. */
export function resetDay(resetsAt: string): string {
  return new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', timeZone: 'UTC' }).format(
    new Date(resetsAt),
  )
}
