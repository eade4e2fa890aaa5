import { describe, expect, test } from 'vitest'
import type { Settings } from '../../../agents/capabilities.ts'
import { ownTools } from '../../integration-tools.ts'
import { OAuthNotConfigured } from '../../integration-type.ts'
import { createLocalUrlGuard, testConnection } from '../../integration-type-testing.ts'
import { requestToken } from '../../oauth/request-token.ts'
import { nextCursor } from './call-github.ts'
import { startGithub } from './github-testing.ts'
import { createGithubType } from './github-type.ts'

const repository = 'anna/lamps'

/** What the tests read of results. */
interface Answer {
  number: number
  sha: string
  url: string
  next_cursor: string
  [field: string]: unknown
}

async function prepare({ repositories = [repository] }: { repositories?: string[] } = {}) {
  const github = await startGithub()
  const lamps = github.addRepository(repository, {
    is_private: true,
    files: { 'readme.md': 'Lamps of oak\nsecond\nthird', 'src/lamp.ts': 'export const lamp = 1', 'a b/ä#?.txt': 'odd' },
  })
  github.addRepository('anna/private-notes', { is_private: true, files: { 'keys.txt': 'Lamps and secrets' } })
  const type = createGithubType({ apiUrl: github.url, webUrl: github.url })
  const token = github.addToken()
  const connect = (given = token) => testConnection(type, { settings: { repositories }, credentials: { token: given } })
  const find = (name: string) => ownTools(type).find((one) => one.name === name)!
  const call = (name: string, input: object, connection = connect()) =>
    find(name).execute(input, connection) as Promise<Answer>
  return {
    github,
    lamps,
    type,
    token,
    connect,
    call,
    describeCall: (name: string, input: object) => find(name).describeCall!(input),
  }
}

describe('issues', () => {
  test('that are created are listed, read, commented on, labelled and closed', async () => {
    const { call, describeCall } = await prepare()
    const issue = { repository, title: 'Dim lamp', body: 'Too\u202e dim.', labels: ['bug'] }
    expect(describeCall('create_issue', issue)).toBe('Create the issue "Dim lamp" in anna/lamps')
    const { number } = await call('create_issue', issue)
    expect(await call('list_issues', { repository, labels: ['bug'] })).toMatchObject({
      issues: [{ number, title: 'Dim lamp', labels: ['bug'], author: 'anna', state: 'open' }],
      next_cursor: null,
    })
    const comment = { repository, number, body: 'Seen it too' }
    expect(describeCall('comment_on_issue', comment)).toBe(`Comment on anna/lamps#${number}: "Seen it too"`)
    await call('comment_on_issue', comment)
    const change = { repository, number, state: 'closed', labels: [] }
    expect(describeCall('update_issue', change)).toBe(`Change anna/lamps#${number}: state "closed", labels []`)
    expect(await call('update_issue', change)).toMatchObject({ state: 'closed' })
    expect(await call('get_issue', { repository, number })).toMatchObject({
      issue: { body: 'Too dim.', state: 'closed', labels: [], comments: 1, is_pull_request: false },
      comments: [{ author: 'anna', body: 'Seen it too' }],
    })
    expect(await call('list_issues', { repository })).toMatchObject({ issues: [] })
  })

  test('are listed page by page at the address we know, not where the answer points', async () => {
    const { call, github } = await prepare()
    for (let at = 1; at <= 60; at++) await call('create_issue', { repository, title: `Issue ${at}` })
    const first = await call('list_issues', { repository })
    expect(first.issues).toHaveLength(50)
    const second = await call('list_issues', { repository, cursor: first.next_cursor })
    expect(second.issues).toHaveLength(10)
    expect(second).toMatchObject({
      issues: expect.arrayContaining([expect.objectContaining({ title: 'Issue 1' })]),
      next_cursor: null,
    })
    expect(github.state.seen.at(-1)?.url).toBe(
      '/repos/anna/lamps/issues?state=open&per_page=50&page=2&after=cursor%3D1',
    )
    await expect(call('list_issues', { repository, cursor: 'page=x' })).rejects.toThrow(/no cursor/)
  })
})

test('a change goes from a new branch over a file into a pull request', async () => {
  const { call, describeCall, lamps } = await prepare()
  await call('create_branch', { repository, branch: 'brighter' })
  const { sha, text } = await call('read_file', { repository, path: 'readme.md', ref: 'brighter' })
  expect(text).toBe('Lamps of oak\nsecond\nthird')
  const file = { repository, path: 'readme.md', branch: 'brighter', content: 'Bright lamps é\n', message: 'Brighter' }
  await expect(call('create_or_update_file', file)).rejects.toThrow(/there already.*give its sha/)
  await expect(call('create_or_update_file', { ...file, sha: '0'.repeat(40) })).rejects.toThrow(/Read it again/)
  expect(describeCall('create_or_update_file', { ...file, sha })).toBe(
    'Replace readme.md on brighter in anna/lamps: "Brighter"',
  )
  await call('create_or_update_file', { ...file, sha })
  expect(await call('read_file', { repository, path: 'readme.md', ref: 'brighter' })).toMatchObject({
    text: 'Bright lamps é\n',
  })
  expect(lamps.branches.get('main')?.get('readme.md')?.toString()).toContain('oak')
  await call('create_or_update_file', { ...file, path: 'long.txt', content: 'x'.repeat(9000) })
  const pull = { repository, title: 'Brighter lamps', head: 'brighter', base: 'main' }
  expect(describeCall('create_pull_request', pull)).toBe(
    'Create the pull request "Brighter lamps" from brighter into main in anna/lamps',
  )
  const { number } = await call('create_pull_request', pull)
  await expect(call('create_pull_request', pull)).rejects.toThrow(/422.*already exists/)
  expect(await call('list_pull_requests', { repository, base: 'main' })).toMatchObject({
    pull_requests: [{ number, head: 'brighter', base: 'main', state: 'open', is_draft: false }],
  })
  expect(await call('get_pull_request', { repository, number })).toMatchObject({
    pull_request: { title: 'Brighter lamps', mergeable: true, changed_files: 2 },
    files: [
      { path: 'readme.md', status: 'modified', patch: expect.stringMatching(/Bright lamps/), is_cut: false },
      { path: 'long.txt', patch: expect.stringMatching(/^@@[\s\S]{5998}$/), is_cut: true },
    ],
  })
  await call('comment_on_pull_request', { repository, number, body: 'Nice' })
  await call('comment_on_pull_request', { repository, number, body: 'Here', path: 'readme.md', line: 1 })
  expect(lamps.issues[0]?.comments).toMatchObject([
    { body: 'Nice' },
    { body: 'Here', line: 1, commit_id: expect.stringMatching(/^[0-9a-f]{40}$/) },
  ])
  expect(await call('list_issues', { repository })).toMatchObject({ issues: [] })
  const issue = await call('create_issue', { repository, title: 'No pull request' })
  await expect(call('comment_on_pull_request', { repository, number: issue.number, body: 'x' })).rejects.toThrow(
    /not find/,
  )
})

describe('files', () => {
  test('are listed and read, in parts and with odd names', async () => {
    const { call } = await prepare()
    expect(await call('list_files', { repository })).toEqual({
      entries: [
        { path: 'readme.md', type: 'file', bytes: 25 },
        { path: 'src', type: 'dir', bytes: 0 },
        { path: 'a b', type: 'dir', bytes: 0 },
      ],
    })
    expect(await call('list_files', { repository, path: 'src/' })).toMatchObject({ entries: [{ path: 'src/lamp.ts' }] })
    expect(await call('read_file', { repository, path: 'a b/ä#?.txt' })).toMatchObject({ text: 'odd' })
    const part = { repository, path: 'readme.md', from_line: 2, to_line: 2 }
    expect(await call('read_file', part)).toMatchObject({ text: 'second', lines: 3 })
  })

  test('that are folders, large, no text or not there say so', async () => {
    const { call, lamps } = await prepare()
    const main = lamps.branches.get('main')
    main?.set('large.txt', Buffer.alloc(1_000_000, 'x'))
    main?.set('picture.png', Buffer.from([0x89, 0x50, 0, 1]))
    const read = (path: string) => call('read_file', { repository, path })
    await expect(read('src')).rejects.toThrow(/is a folder/)
    await expect(call('list_files', { repository, path: 'readme.md' })).rejects.toThrow(/read_file/)
    await expect(read('large.txt')).rejects.toThrow(/1 MB/)
    await expect(read('picture.png')).rejects.toThrow(/no text/)
    await expect(read('nothing.md')).rejects.toThrow(/does not find this in anna\/lamps.*private repository/)
  })
})

describe('only what the settings list', () => {
  test.each([
    ['read_file', { repository: 'anna/private-notes', path: 'keys.txt' }],
    ['read_file', { repository: 'anna/lamps/../private-notes', path: 'keys.txt' }],
    ['read_file', { repository, path: '../../private-notes/contents/keys.txt' }],
    ['read_file', { repository, path: 'src/../../../private-notes/contents/keys.txt' }],
    ['list_files', { repository, path: '..' }],
    ['create_branch', { repository, branch: 'x', from: '../../../private-notes/git/ref/heads/main' }],
    ['create_issue', { repository: 'anna/private-notes', title: 'x' }],
    ['create_pull_request', { repository, title: 'x', head: 'stranger:main', base: 'main' }],
    ['search_code', { query: 'Lamps repo:anna/private-notes' }],
    ['search_code', { query: 'Lamps org:anna' }],
    ['search_code', { query: 'Lamps User:anna' }],
    ['search_code', { query: 'Lamps OR' }],
    ['search_code', { query: 'Lamps', repository: 'anna/private-notes' }],
  ])('%s with %j asks nobody', async (name, input) => {
    const { call, github } = await prepare()
    await expect(call(name, input)).rejects.toThrow()
    expect(github.state.seen).toHaveLength(0)
  })

  test('is searched; in capitals or small letters, it is the same repository', async () => {
    const { call, github } = await prepare()
    const found = [{ repository, path: 'readme.md', url: 'https://github.com/anna/lamps/blob/main/readme.md' }]
    expect(await call('search_code', { query: 'Lamps' })).toMatchObject({ results: found, is_complete: true })
    expect(new URLSearchParams(github.state.seen[0]?.url.split('?')[1]).get('q')).toBe('Lamps repo:anna/lamps')
    expect(await call('read_file', { repository: 'Anna/LAMPS', path: 'readme.md' })).toMatchObject({
      text: expect.stringMatching(/oak/),
    })
    // Whatever a server finds: other repositories stay out.
    const items = [{ path: 'keys.txt', html_url: 'x', repository: { full_name: 'anna/private-notes' } }]
    github.state.instead = { body: { total_count: 1, incomplete_results: false, items } }
    expect(await call('search_code', { query: 'Lamps' })).toMatchObject({ results: [] })
  })

  test('or, with a star, everything that the token can see', async () => {
    const { call, connect, github } = await prepare({ repositories: ['*'] })
    expect(await call('search_code', { query: 'Lamps' })).toHaveProperty('results.length', 2)
    expect(await call('search_code', { query: 'Lamps', repository })).toHaveProperty('results.length', 1)
    const few = connect(github.addToken('*', [repository]))
    await expect(call('read_file', { repository: 'anna/private-notes', path: 'keys.txt' }, few)).rejects.toThrow(
      /may not see/,
    )
  })

  test('and never none', () => {
    const connect = (repositories: unknown) =>
      testConnection(createGithubType(), { settings: { repositories }, credentials: { token: 'github_pat_x' } })
    for (const wrong of [
      [],
      undefined,
      ['lamps'],
      ['anna/..'],
      ['anna/*'],
      ['https://github.com/anna/lamps'],
      ['a/b/c'],
    ])
      expect(() => connect(wrong)).toThrow(/repositories/)
    expect(() => connect(['*'])).not.toThrow()
  })
})

describe('what GitHub refuses', () => {
  const at = 1_767_229_200
  test.each([
    [429, { 'retry-after': '60' }, 'You have exceeded a secondary rate limit', /wait 60 seconds/],
    [
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(at) },
      'API rate limit exceeded',
      /until 2026-01-01 01:00 UTC/,
    ],
    [403, {}, 'You have exceeded a secondary rate limit', /wait a minute/],
    [403, { 'x-github-sso': 'required; url=https://github.com/orgs/x/sso' }, 'Resource protected', /single sign-on/],
    [410, {}, 'Issues are disabled for this repo', /Issues are disabled/],
    [301, { location: 'https://elsewhere.example/repositories/1' }, 'Moved Permanently', /moved or renamed/],
    [422, {}, 'Validation Failed', /422.*Validation Failed/],
  ])('%i with %j is told in words that help', async (status, headers, message, expected) => {
    const { call, github, token } = await prepare()
    github.state.instead = { status, headers, body: { message: `${message} ${token}`, documentation_url: 'x' } }
    const error = await call('list_issues', { repository }).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ name: 'Error', message: expect.stringMatching(expected) })
    expect(String(error)).not.toContain(token)
    expect(github.seen).toHaveLength(1)
  })

  test('for a lack of rights names them; a lost token and an outage concern the connection', async () => {
    const { call, connect, github } = await prepare()
    const reading = connect(github.addToken('issues=read'))
    await expect(call('create_issue', { repository, title: 'x' }, reading)).rejects.toThrow(/It needs issues=write\./)
    const lost = await call('list_issues', { repository }, connect('github_pat_wrong')).catch((error: Error) => error)
    expect(lost).toMatchObject({
      name: 'ConnectionFailed',
      kind: 'credentials',
      message: expect.stringMatching(/Bad credentials/),
    })
    expect(String(lost)).not.toContain('github_pat_wrong')
    github.state.instead = { status: 502, body: '' }
    await expect(call('list_issues', { repository })).rejects.toMatchObject({ kind: 'unreachable' })
  })
})

test('the test says who it is, and which repository cannot be seen', async () => {
  const { type, connect, github } = await prepare()
  await expect(type.test(connect())).resolves.toEqual({ message: 'Signed in as anna. It can see anna/lamps.' })
  await expect(type.test(connect('wrong'))).rejects.toMatchObject({ name: 'ConnectionFailed', kind: 'credentials' })
  const blind = connect(github.addToken('*', []))
  await expect(type.test(blind)).rejects.toMatchObject({
    name: 'ConnectionFailed',
    kind: 'refused',
    message: expect.stringMatching(/anna\/lamps/),
  })
  expect(() => connect('a\r\nb')).toThrow(/credentials\/token/)
})

describe('signing in', () => {
  const place = { redirectUri: 'https://agents.example/api/v1/oauth/callback', clientMetadataUrl: null }
  const given = (settings: Settings) => ({
    settings,
    credentials: {},
    urlGuard: createLocalUrlGuard(),
    signal: AbortSignal.timeout(15_000),
  })

  test('exchanges a code and takes the token back when the integration is removed', async () => {
    const { github, type, call } = await prepare()
    const operatorClient = { clientId: github.client.id, clientSecret: github.client.secret }
    const server = await type.oauth!({ ...given({ authentication: 'oauth' }), ...place, operatorClient })
    expect(server).toMatchObject({ authorizationEndpoint: `${github.url}/login/oauth/authorize`, scopes: ['repo'] })
    const endpoints = {
      token_endpoint: server!.tokenEndpoint,
      client_id: server!.clientId,
      client_secret: server!.clientSecret!,
      client_authentication: server!.clientAuthentication!,
    }
    const grant = {
      grant_type: 'authorization_code',
      code: github.addCode(),
      redirect_uri: place.redirectUri,
      code_verifier: 'x',
    }
    const urlGuard = createLocalUrlGuard()
    const tokens = await requestToken(endpoints, grant, { urlGuard })
    await expect(requestToken(endpoints, grant, { urlGuard })).rejects.toMatchObject({ code: 'bad_verification_code' })
    const settings = { repositories: [repository], authentication: 'oauth' }
    const connection = {
      ...testConnection(type, { settings, accessToken: tokens.access_token }),
      credentials: { oauth: { ...tokens } },
    }
    expect(await call('list_issues', { repository }, connection)).toMatchObject({ issues: [] })
    expect(await type.revoke!(connection)).toBe(true)
    expect(await type.revoke!(connection)).toBe(false)
    await expect(type.test(connection)).rejects.toMatchObject({ kind: 'credentials' })
  })

  test('is offered only at github.com, where it is asked for and set up; an entered token is left alone', async () => {
    const { type, connect, github } = await prepare()
    const asked = { ...given({ authentication: 'oauth' }), ...place, operatorClient: null }
    await expect(type.oauth!(asked)).rejects.toBeInstanceOf(OAuthNotConfigured)
    expect(await type.oauth!({ ...given({}), ...place, operatorClient: null })).toBeNull()
    expect(await type.revoke!(connect())).toBeNull()
    expect(github.state.seen).toHaveLength(0)
    const enterprise = (api_url: string, authentication = 'token') =>
      testConnection(type, {
        settings: { repositories: ['*'], api_url, authentication },
        credentials: authentication === 'token' ? { token: 'x' } : {},
      })
    expect(() => enterprise('https://github.example.com/api/v3')).not.toThrow()
    expect(() => enterprise('https://github.example.com/api/v3', 'oauth')).toThrow(/with a token/)
    for (const url of ['http://github.example.com', 'https://a:b@github.example.com', 'https://github.example.com/?x='])
      expect(() => enterprise(url)).toThrow(/api_url/)
  })
})

test.each([
  ['<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=5>; rel="last"', 'page=2'],
  [
    '<https://api.github.com/x?page=1>; rel="prev", <https://api.github.com/x?after=abc%3D&page=3&q=1>; rel="next"',
    'page=3&after=abc%3D',
  ],
  ['<https://api.github.com/x?page=1>; rel="prev"', null],
  [null, null],
])('the page after %s begins at %s', (link, expected) => {
  expect(nextCursor(link)).toBe(expected)
})
