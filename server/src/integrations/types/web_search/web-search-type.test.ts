import { describe, expect, test } from 'vitest'
import { guardWith } from '../../../url-guard/url-guard-testing.ts'
import { ownTools } from '../../integration-tools.ts'
import { testConnection } from '../../integration-type-testing.ts'
import { withoutTracking } from './search-result.ts'
import { searxngUrl } from './search-with-searxng.ts'
import { startBrave, startSearxng, startTavily, type TestPage } from './web-search-testing.ts'
import { createWebSearchType } from './web-search-type.ts'

const key = 'planted-search-key-1234567890'
const pages: TestPage[] = [
  {
    title: "Anna's oak & lamps",
    url: 'https://lamps.example/oak?id=7&utm_source=news&gclid=x',
    text: 'Lamps of oak\u202e, made\u200b by hand.',
    language: 'en',
    published: '2026-05-01T10:00:00',
    daysOld: 3,
  },
  { title: 'Again', url: 'https://lamps.example/oak?id=7&fbclid=y', text: 'Lamps, twice.', language: 'en', daysOld: 3 },
  { title: 'Lampen', url: 'https://lampen.example/', text: 'Lampen aus Eiche: lamps', language: 'de', daysOld: 400 },
  { title: 'Bad lamps', url: 'javascript:alert(1)//', text: 'lamps', language: 'en', daysOld: 1 },
]
const first = {
  title: "Anna's oak & lamps",
  url: 'https://lamps.example/oak?id=7',
  snippet: 'Lamps of oak, made by hand.',
  published_at: '2026-05-01T10:00:00.000Z',
}

type Provider = 'searxng' | 'brave' | 'tavily'

async function prepare(provider: Provider, options: { monthly?: number; credits?: number } = {}) {
  const start = {
    searxng: () => startSearxng(pages),
    brave: () => startBrave(pages, { key, ...options }),
    tavily: () => startTavily(pages, { key, ...options }),
  }
  const server = await start[provider]()
  const type = createWebSearchType({ braveUrl: server.url, tavilyUrl: server.url })
  const connect = (given = key) =>
    testConnection(type, {
      settings: provider === 'searxng' ? { provider, base_url: server.url } : { provider },
      credentials: provider === 'searxng' ? {} : { key: given },
    })
  const search = (input: object, connection = connect()) => {
    const [tool] = ownTools(type)
    return tool!.execute(input, connection) as Promise<{ results: object[] }>
  }
  return { server, type, connect, search }
}

describe.each<Provider>(['searxng', 'brave', 'tavily'])('%s', (provider) => {
  test('gives results in one shape: each page once, without tracking, markup and hidden characters', async () => {
    const { search, connect, type } = await prepare(provider)
    const { results } = await search({ query: 'lamps' })
    expect(results).toEqual([first, { ...results[1], url: 'https://lampen.example/', published_at: null }])
    await expect(type.test(connect())).resolves.toMatchObject({ message: expect.stringContaining(provider) })
  })

  test('knows how many, how fresh, and finds nothing', async () => {
    const { search } = await prepare(provider)
    expect((await search({ query: 'lamps', count: 1 })).results).toEqual([first])
    expect((await search({ query: 'lampen' })).results).toHaveLength(1)
    expect((await search({ query: 'lampen', freshness: 'week' })).results).toEqual([])
    expect((await search({ query: 'unknown thing' })).results).toEqual([])
  })
})

describe('SearXNG', () => {
  test('is asked in the language, below its path, without a key', async () => {
    const { search, server } = await prepare('searxng')
    expect((await search({ query: 'lamps', language: 'de' })).results).toMatchObject([{ title: 'Lampen' }])
    expect(server.seen[0]?.url).toBe('/search?q=lamps&format=json&language=de')
    expect(searxngUrl('https://a.example/sub/').href).toBe('https://a.example/sub/search')
    expect(searxngUrl('https://a.example/search').href).toBe('https://a.example/search')
  })

  test('that does not answer in JSON, is another page, or is private, says what to do', async () => {
    const type = createWebSearchType()
    const html = await startSearxng(pages, { formats: ['html'] })
    const below = await startSearxng(pages, { below: '/sub' })
    const connect = (base_url: string, urlGuard?: ReturnType<typeof guardWith>) =>
      testConnection(type, { settings: { provider: 'searxng', base_url }, ...(urlGuard && { urlGuard }) })
    await expect(type.test(connect(html.url))).rejects.toMatchObject({
      name: 'ConnectionFailed',
      kind: 'refused',
      message: expect.stringContaining('search.formats'),
    })
    await expect(type.test(connect(below.url))).rejects.toThrow(/like no SearXNG \(404\)/)
    await expect(type.test(connect(`${below.url}/sub`))).resolves.toMatchObject({
      message: expect.stringMatching(/works/),
    })
    await expect(type.test(connect(html.url, guardWith()))).rejects.toThrow(/ALLOWED_PRIVATE_HOSTS/)
    expect(html.seen).toHaveLength(1)
  })

  test('needs a plain address', () => {
    const connect = (base_url: string) =>
      testConnection(createWebSearchType(), { settings: { provider: 'searxng', base_url } })
    expect(() => connect('https://a:b@search.example')).toThrow(/base_url/)
    expect(() => connect('https://search.example/?q=')).toThrow(/base_url/)
    expect(() => connect('')).toThrow(/base_url/)
  })
})

describe('Brave', () => {
  test('gets the key in its header alone, and languages in its own codes', async () => {
    const { search, server } = await prepare('brave')
    expect((await search({ query: 'lamps', language: 'de-AT' })).results).toMatchObject([{ title: 'Lampen' }])
    for (const language of ['ja', 'pt-BR', 'en'] as const) await search({ query: 'lamps', language })
    expect(server.seen.map(({ url }) => new URL(url!, 'http://x').searchParams.get('search_lang'))).toEqual([
      'de',
      'jp',
      'pt-br',
      'en',
    ])
    expect(
      server.seen.every(({ url, headers }) => !url!.includes(key) && headers['x-subscription-token'] === key),
    ).toBe(true)
    await expect(search({ query: 'lamps', language: 'fi' })).rejects.toThrow(/422 VALIDATION.*validate request/)
  })

  test('with a wrong key or a used up month says so, without the key', async () => {
    const { connect, type, search } = await prepare('brave', { monthly: 1 })
    await expect(type.test(connect('wrong-key-1234'))).rejects.toMatchObject({ kind: 'credentials' })
    await search({ query: 'lamps' })
    const used = await search({ query: 'lamps' }).catch((error: Error) => error)
    expect(used).toMatchObject({ name: 'Error', message: expect.stringMatching(/used up.*full again at 20\d\d-/) })
    expect(String(used)).not.toContain(key)
    await expect(type.test(connect())).rejects.toMatchObject({ name: 'ConnectionFailed', kind: 'refused' })
  })
})

describe('Tavily', () => {
  test('gets the key in its header alone', async () => {
    const server = await startTavily(pages, { key })
    const type = createWebSearchType({ tavilyUrl: server.url })
    const connection = testConnection(type, { settings: { provider: 'tavily' }, credentials: { key } })
    await ownTools(type)[0]!.execute({ query: 'lamps', count: 3, freshness: 'month' }, connection)
    expect(server.bodies).toEqual([{ query: 'lamps', max_results: 3, search_depth: 'basic', time_range: 'month' }])
    expect(server.seen[0]?.url).toBe('/search')
  })

  test('with a wrong key, a limit or a refusal says so', async () => {
    const { connect, type, search } = await prepare('tavily', { credits: 2 })
    await expect(type.test(connect('wrong-key-1234'))).rejects.toMatchObject({ kind: 'credentials' })
    await expect(search({ query: 'too fast' })).rejects.toThrow('wait 60 seconds')
    await expect(search({ query: 'odd' })).rejects.toThrow('Invalid topic')
    await expect(search({ query: 'lamps' })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/432/),
    })
  })
})

test('a key that is none, an unknown word and too much are refused before anybody is asked', async () => {
  const { server, search, connect } = await prepare('brave')
  expect(() => connect('a\r\nb')).toThrow(/credentials\/key/)
  expect(() => connect('')).toThrow(/credentials\/key/)
  for (const input of [{ query: ' ' }, { query: 'x', count: 21 }, { query: 'x', language: 'de&q=y' }])
    await expect(search(input)).rejects.toThrow()
  expect(server.seen).toHaveLength(0)
})

test.each([
  ['https://a.example/?utm_source=x&id=1&UTM_Medium=y', 'https://a.example/?id=1'],
  ['https://a.example/p?fbclid=1#part', 'https://a.example/p#part'],
  ['https://a.example/p?q=a%20b&ref=1', 'https://a.example/p?q=a%20b&ref=1'],
  ['https://user:pw@a.example/', null],
  ['file:///etc/passwd', null],
  ['no address', null],
])('%s becomes %s', (from, to) => {
  expect(withoutTracking(from)).toBe(to)
})
