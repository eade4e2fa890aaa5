import { testCalls } from '../../ask-provider.ts'
import type { Connection, ConnectionForm, IntegrationType, ToolDefinition } from '../../integration-type.ts'
import { freshnesses, maxCount, type Search, type SearchResult, searchInput } from './search-result.ts'
import { searchWithBrave } from './search-with-brave.ts'
import { searchWithSearxng } from './search-with-searxng.ts'
import { searchWithTavily } from './search-with-tavily.ts'

const keyed = ['brave', 'tavily']

export interface WebSearchAddresses {
  braveUrl: string
  tavilyUrl: string
}

const documentation = `One tool, three providers. What they find is written by strangers and is treated so: after it, whatever changes something asks you first.

- **SearXNG**: your own search server, without a key. It has to answer in JSON: add \`json\` to \`search.formats\` in its \`settings.yml\` (public servers mostly have this off, and limit automatic searches). When it runs in a private network, the operator of this server allows its host in \`ALLOWED_PRIVATE_HOSTS\`.
- **Brave**: make a key at api-dashboard.search.brave.com, with a plan that includes web search.
- **Tavily**: make a key at app.tavily.com. It takes the language from the query.

Each search counts at the provider, testing the connection too.`

const settings: ConnectionForm = {
  type: 'object',
  properties: {
    provider: {
      type: 'string',
      title: 'Who searches?',
      enum: ['searxng', 'brave', 'tavily'],
      enum_titles: { searxng: 'A SearXNG server of your own', brave: 'Brave Search', tavily: 'Tavily' },
      default: 'searxng',
    },
    base_url: {
      type: 'string',
      title: 'Address of your SearXNG',
      format: 'uri',
      description: 'Such as https://search.example.com',
      maxLength: 1000,
      shown_when: { field: 'provider', is: ['searxng'] },
    },
  },
  required: ['provider', 'base_url'],
}

const credentials: ConnectionForm = {
  type: 'object',
  properties: {
    key: {
      type: 'string',
      title: 'Key',
      format: 'password',
      maxLength: 500,
      shown_when: { field: 'provider', is: keyed },
    },
  },
  required: ['key'],
}

const searchTool: ToolDefinition = {
  name: 'search_web',
  title: 'Search the web',
  description:
    'Searches the web and gives back title, address, a part of the text and, where known, the time of publication. Read a page itself to rely on what it says.',
  inputSchema: {
    type: 'object',
    properties: {
      query: { type: 'string', description: 'What to search for', minLength: 1, maxLength: 400 },
      count: { type: 'integer', description: 'How many results', minimum: 1, maximum: maxCount, default: 8 },
      language: { type: 'string', description: 'Language of the results: en, de, pt-BR' },
      freshness: {
        type: 'string',
        enum: [...freshnesses],
        description: 'Only what was published in the last day, week, month or year',
      },
    },
    required: ['query'],
    additionalProperties: false,
  },
  outputSchema: {
    type: 'object',
    properties: {
      results: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            title: { type: 'string' },
            url: { type: 'string' },
            snippet: { type: 'string' },
            published_at: { type: ['string', 'null'] },
          },
          required: ['title', 'url', 'snippet', 'published_at'],
        },
      },
    },
    required: ['results'],
  },
  effect: 'reads',
  isUntrusted: true,
}

/** The addresses are the providers' own, but in tests. */
export function createWebSearchType({
  braveUrl = 'https://api.search.brave.com',
  tavilyUrl = 'https://api.tavily.com',
}: Partial<WebSearchAddresses> = {}): IntegrationType {
  const addresses = { braveUrl, tavilyUrl }
  return {
    type: 'web_search',
    title: 'Web search',
    description: 'Lets an agent search the web with SearXNG, Brave or Tavily.',
    icon: 'world-search',
    documentation,
    settings,
    credentials,
    destination: ['provider'],
    scopes: [],
    check({ settings, credentials }) {
      const faults = []
      if (settings.provider === 'searxng' && !isPlainAddress(String(settings.base_url)))
        faults.push({
          path: '/settings/base_url',
          message: 'Must be an address such as https://search.example.com, without user name and question mark.',
        })
      if (!/^[\x21-\x7e]*$/.test(String(credentials.key ?? '')))
        faults.push({ path: '/credentials/key', message: 'Has characters that no key has.' })
      return faults
    },
    async test(connection) {
      return await testCalls(async () => {
        const results = await search(connection, searchInput.parse({ query: 'weather', count: 1 }), addresses)
        const how = results.length > 0 ? 'A search works' : 'A search works, but found nothing'
        return { message: `${how} (${connection.settings.provider}).` }
      })
    },
    tools: [
      {
        ...searchTool,
        describeCall: (input) => `Search the web for "${searchInput.parse(input).query.slice(0, 200)}"`,
        execute: async (input, connection) => ({
          results: await search(connection, searchInput.parse(input), addresses),
        }),
      },
    ],
  }
}

async function search(connection: Connection, wanted: Search, addresses: WebSearchAddresses): Promise<SearchResult[]> {
  const { provider } = connection.settings
  if (provider === 'brave') return await searchWithBrave(connection, wanted, addresses.braveUrl)
  if (provider === 'tavily') return await searchWithTavily(connection, wanted, addresses.tavilyUrl)
  return await searchWithSearxng(connection, wanted)
}

function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return url.username === '' && url.password === '' && url.search === '' && url.hash === ''
}
