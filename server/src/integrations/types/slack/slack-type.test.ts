import { describe, expect, test } from 'vitest'
import type { Settings } from '../../../agents/capabilities.ts'
import { serve } from '../../../url-guard/url-guard-testing.ts'
import { ownTools } from '../../integration-tools.ts'
import { OAuthNotConfigured } from '../../integration-type.ts'
import { createLocalUrlGuard, testConnection } from '../../integration-type-testing.ts'
import { requestToken } from '../../oauth/request-token.ts'
import { startSlack } from './slack-testing.ts'
import { readSlackText, writeSlackText } from './slack-text.ts'
import { createSlackType } from './slack-type.ts'

/** What the tests read of results. */
interface Answer {
  channels?: object[]
  messages?: object[]
  next_cursor: string | null
  ts: string
  file_id: string
}

async function prepare({ scopes, settings = {} }: { scopes?: string; settings?: object } = {}) {
  const slack = await startSlack()
  const type = createSlackType({ baseUrl: slack.baseUrl })
  const token = slack.addToken(scopes)
  const connect = (bot_token = token) => testConnection(type, { settings: { ...settings }, credentials: { bot_token } })
  const call = (name: string, input: object, connection = connect()) => {
    const tool = ownTools(type).find((one) => one.name === name)
    return tool!.execute(input, connection) as Promise<Answer>
  }
  const describeCall = (name: string, input: object) =>
    ownTools(type).find((one) => one.name === name)!.describeCall!(input)
  return { slack, type, token, connect, call, describeCall }
}

describe('channels', () => {
  test('are listed page by page, private ones only when its owner wants them', async () => {
    const { call, connect, type, slack } = await prepare()
    slack.channels.push({ ...slack.channels[0]!, id: 'C0THIRD001', name: 'third', messages: [] })
    const first = await call('list_channels', {})
    expect(first.channels).toMatchObject([
      { id: 'C0GENERAL1', name: 'general', is_member: true, is_private: false, topic: 'About general' },
      { id: 'C0RANDOM01', is_member: false },
    ])
    const second = await call('list_channels', { cursor: first.next_cursor })
    expect(second).toMatchObject({ channels: [{ name: 'third' }], next_cursor: null })
    const open = testConnection(type, { settings: { private_channels: true }, credentials: connect().credentials })
    const all = await call('list_channels', { cursor: (await call('list_channels', {}, open)).next_cursor }, open)
    expect(all.channels).toMatchObject([{ name: 'board', is_private: true }, { name: 'third' }])
  })

  test('are found by name, also on later pages; an unknown one is said', async () => {
    const { call, slack } = await prepare()
    slack.channels.push({ ...slack.channels[0]!, id: 'C0THIRD001', name: 'third', messages: [] })
    await expect(call('post_message', { channel: '#third', text: 'Hello' })).resolves.toMatchObject({
      channel: 'C0THIRD001',
    })
    await expect(call('post_message', { channel: 'nowhere', text: 'Hello' })).rejects.toThrow(/no channel #nowhere/)
  })
})

describe('messages', () => {
  test('are read with names, marks and files, newest first, page by page and since a time', async () => {
    const { call, slack } = await prepare()
    const old = slack.addMessage('C0GENERAL1', { user: 'U0ANNA0001', text: 'Hi <@U0BEN00002> &amp; all\u202e' })
    slack.addMessage('C0GENERAL1', { bot_id: 'B0CI', attachments: [{ fallback: 'Build failed' }] })
    const file = slack.addFile({ content: Buffer.from('x') })
    slack.addMessage('C0GENERAL1', {
      user: 'U0GONE0009',
      files: [{ id: file.id, name: file.name, mimetype: file.mimetype, size: 1 }],
    })
    const first = await call('read_messages', { channel: '#general', limit: 2 })
    expect(first.messages).toMatchObject([
      { user: 'U0GONE0009', files: [{ id: file.id, name: 'notes.txt', type: 'text/plain', bytes: 1 }] },
      { user: 'B0CI', text: 'Build failed' },
    ])
    const second = await call('read_messages', { channel: 'C0GENERAL1', limit: 2, cursor: first.next_cursor })
    expect(second).toEqual({
      messages: [{ ts: old.ts, at: '2026-01-01T00:01:00.000Z', user: 'Anna', text: 'Hi @Ben Jones & all' }],
      next_cursor: null,
    })
    const since = await call('read_messages', { channel: 'C0GENERAL1', since: '2026-01-01T00:01:30Z' })
    expect(since.messages).toHaveLength(2)
  })

  test('that are posted can be read, also in threads', async () => {
    const { call, slack, describeCall } = await prepare()
    const posted = await call('post_message', { channel: '#general', text: 'Who has lunch? <!channel> <@U0BEN00002>' })
    const thread = { channel: '#general', thread_ts: posted.ts, text: 'I do' }
    expect(describeCall('post_message', thread)).toBe('Post in a thread of #general: "I do"')
    await call('post_message', thread)
    expect(slack.channels[0]?.messages.at(-1)?.text).toBe('Who has lunch? &lt;!channel&gt; <@U0BEN00002>')
    const { messages } = await call('read_messages', { channel: '#general' })
    expect(messages).toMatchObject([{ ts: posted.ts, replies: 1, text: 'Who has lunch? <!channel> @Ben Jones' }])
    const replies = await call('read_thread', { channel: '#general', ts: posted.ts })
    expect(replies.messages).toMatchObject([{ ts: posted.ts }, { text: 'I do', thread_ts: posted.ts }])
    const sent = slack.state.calls.find(({ method }) => method === 'chat.postMessage')
    expect(sent?.parameters).toMatchObject({ unfurl_links: 'false', unfurl_media: 'false' })
  })

  test('are read without the right to see names', async () => {
    const { call, slack } = await prepare({ scopes: 'channels:read,channels:history' })
    slack.addMessage('C0GENERAL1', { user: 'U0ANNA0001', text: 'Hello' })
    expect((await call('read_messages', { channel: '#general' })).messages).toMatchObject([{ user: 'U0ANNA0001' }])
  })
})

test.each([
  [
    '<https://a.example|Lamps> <https://b.example> <mailto:a@b.example|a@b.example>',
    'Lamps (https://a.example) https://b.example a@b.example',
  ],
  ['<#C1|general> <!here> <!subteam^S1|@team> <@U9|eve>', '#general @here @team @eve'],
  ['&lt;@U1&gt; &amp;lt;', '<@U1> &lt;'],
])('%s is read as %s', (text, expected) => {
  expect(readSlackText(text, new Map())).toBe(expected)
})

test('what is written cannot call everybody or hide a link', () => {
  expect(writeSlackText('<!here> <https://evil.example|bank> a<b & <@U0ANNA0001> <@U0ANNA0001|x>')).toBe(
    '&lt;!here&gt; &lt;https://evil.example|bank&gt; a&lt;b &amp; <@U0ANNA0001> &lt;@U0ANNA0001|x&gt;',
  )
})

describe('files', () => {
  test('are uploaded into a channel and read again', async () => {
    const { call, slack, describeCall, token } = await prepare()
    const file = { channel: '#general', filename: 'lamps.csv', content: 'oak;é\n', comment: 'The list' }
    expect(describeCall('upload_file', file)).toBe('Upload lamps.csv (7 bytes) in #general: "The list"')
    const { file_id } = await call('upload_file', file)
    expect((await call('read_messages', { channel: '#general' })).messages).toMatchObject([
      { text: 'The list', files: [{ id: file_id, name: 'lamps.csv' }] },
    ])
    expect(await call('read_file', { file_id })).toEqual({ name: 'lamps.csv', type: 'text/plain', text: 'oak;é\n' })
    const upload = slack.seen.find(({ url }) => url?.startsWith('/upload/'))
    expect(JSON.stringify(upload?.headers)).not.toContain(token)
  })

  test('that are no text, too large, elsewhere or not allowed are not read', async () => {
    const { call, slack, connect } = await prepare()
    const content = Buffer.from('x')
    const read = (file: object) => call('read_file', { file_id: slack.addFile({ content, ...file }).id })
    await expect(read({ mimetype: 'image/png' })).rejects.toThrow(/image\/png and cannot be read/)
    await expect(read({ size: 2_000_000 })).rejects.toThrow(/larger than 1 MB/)
    await expect(read({ is_external: true })).rejects.toThrow(/not kept at Slack/)
    await expect(call('read_file', { file_id: 'F0NOTTHERE' })).rejects.toThrow(/no such file/)
    slack.state.hidesFiles = true
    await expect(read({ name: 'hidden.txt' })).rejects.toThrow(/not give out hidden\.txt.*files:read/)
    const without = connect(slack.addToken('files:write'))
    await expect(call('read_file', { file_id: 'F000000001' }, without)).rejects.toThrow(/right: files:read/)
  })

  test('and the token go to no other host, whatever an answer names', async () => {
    const { call, slack } = await prepare()
    const elsewhere = await serve((_request, response) => response.end('taken'))
    const { id } = slack.addFile({ content: Buffer.from('x'), url_private_download: `${elsewhere.url}/file` })
    await expect(call('read_file', { file_id: id })).rejects.toMatchObject({
      name: 'ConnectionFailed',
      message: expect.stringMatching(/not its own/),
    })
    slack.state.uploadHost = elsewhere.url
    const upload = { channel: '#general', filename: 'a.txt', content: 'secret' }
    await expect(call('upload_file', upload)).rejects.toThrow(/not its own/)
    for (const host of ['https://slack.com.evil.example', 'https://evilslack.com', 'http://files.slack.com']) {
      slack.state.uploadHost = host
      await expect(call('upload_file', upload)).rejects.toThrow(/not its own/)
    }
    expect(elsewhere.seen).toHaveLength(0)
  })
})

describe('what Slack refuses', () => {
  test('is told in words that help', async () => {
    const { call, slack, connect, token } = await prepare()
    const post = (channel: string, connection = connect()) =>
      call('post_message', { channel, text: 'Hello' }, connection)
    await expect(post('#random')).rejects.toThrow(/Invite the app to the channel/)
    await expect(post('C0UNKNOWN1')).rejects.toThrow(/no such channel/)
    await expect(post('C0OLD00001')).rejects.toThrow(/archived/)
    await expect(call('read_thread', { channel: '#general', ts: '1.0' })).rejects.toThrow(/must be the ts/)
    await expect(call('read_thread', { channel: '#general', ts: '1767225600.9' })).rejects.toThrow(/no such thread/)
    slack.state.limited = 1
    await expect(post('C0GENERAL1')).rejects.toMatchObject({
      name: 'Error',
      message: expect.stringMatching(/wait 30 seconds/),
    })
    await expect(post('C0GENERAL1', connect(slack.addToken('channels:read')))).rejects.toThrow(/right: chat:write/)
    const lost = await post('C0GENERAL1', connect('xoxb-wrong')).catch((error: Error) => error)
    expect(lost).toMatchObject({ name: 'ConnectionFailed', kind: 'credentials' })
    expect(String(lost)).not.toMatch(/xoxb-wrong/)
    slack.state.instead.set('chat.postMessage', { status: 503, body: '<html>' })
    await expect(post('C0GENERAL1')).rejects.toMatchObject({ name: 'ConnectionFailed', kind: 'unreachable' })
    slack.state.instead.set('chat.postMessage', { status: 200, body: `{"ok":false,"error":"<b>${token}"}` })
    await expect(post('C0GENERAL1')).rejects.toThrow('Slack refused: unknown error.')
  })

  test('is never asked with an input that cannot be right', async () => {
    const { call, slack } = await prepare()
    for (const input of [
      { channel: '', text: 'x' },
      { channel: '#general', text: ' ' },
      { channel: '#general', text: 'x'.repeat(12_001) },
    ])
      await expect(call('post_message', input)).rejects.toThrow()
    await expect(call('upload_file', { channel: '#general', filename: '../a', content: 'x' })).rejects.toThrow()
    expect(slack.state.calls).toHaveLength(0)
  })
})

test('the test says who it is and which rights are missing', async () => {
  const { type, connect, slack } = await prepare()
  await expect(type.test(connect())).resolves.toEqual({ message: 'Signed in to Acme as agent_bot.' })
  const few = connect(slack.addToken('channels:read,channels:history,users:read'))
  await expect(type.test(few)).resolves.toMatchObject({
    message: expect.stringMatching(/rights chat:write, files:read, files:write some/),
  })
  await expect(type.test(connect('xoxb-wrong'))).rejects.toMatchObject({ kind: 'credentials' })
  expect(() => connect('xoxp-user-token')).toThrow(/xoxb-/)
  expect(() => connect('xoxb-a\r\nb')).toThrow(/xoxb-/)
})

describe('signing in', () => {
  const place = { redirectUri: 'https://agents.example/api/v1/oauth/callback', clientMetadataUrl: null }
  const given = (settings: Settings) => ({
    settings,
    credentials: {},
    urlGuard: createLocalUrlGuard(),
    signal: AbortSignal.timeout(15_000),
  })

  test('exchanges a code, renews and takes back, in the form that Slack has', async () => {
    const { slack, type, call } = await prepare()
    const operatorClient = { clientId: slack.client.id, clientSecret: slack.client.secret }
    const server = await type.oauth!({
      ...given({ authentication: 'oauth', private_channels: true }),
      ...place,
      operatorClient,
    })
    expect(server).toMatchObject({
      authorizationEndpoint: 'https://slack.com/oauth/v2/authorize',
      scopes: [
        'channels:read,channels:history,chat:write,files:read,files:write,users:read,groups:read,groups:history',
      ],
    })
    const endpoints = {
      token_endpoint: server!.tokenEndpoint,
      client_id: server!.clientId,
      client_secret: server!.clientSecret!,
      client_authentication: 'client_secret_basic' as const,
    }
    const grant = {
      grant_type: 'authorization_code',
      code: slack.addCode(),
      redirect_uri: place.redirectUri,
      code_verifier: 'x',
    }
    const urlGuard = createLocalUrlGuard()
    const tokens = await requestToken(endpoints, grant, { urlGuard })
    expect(tokens).toMatchObject({
      access_token: expect.stringMatching(/^xoxe\.xoxb-/),
      refresh_token: expect.stringMatching(/^xoxe-1-/),
      renew_at: expect.any(Number),
    })
    await expect(requestToken(endpoints, grant, { urlGuard })).rejects.toMatchObject({ code: 'invalid_code' })
    const renewal = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token! }
    const renewed = await requestToken(endpoints, renewal, { urlGuard })
    await expect(requestToken(endpoints, renewal, { urlGuard })).rejects.toMatchObject({
      code: 'invalid_refresh_token',
    })
    const connection = {
      ...testConnection(type, { settings: { authentication: 'oauth' }, accessToken: renewed.access_token }),
      credentials: { oauth: { ...renewed } },
    }
    await expect(call('post_message', { channel: '#general', text: 'Hello' }, connection)).resolves.toMatchObject({
      ts: expect.stringMatching(/\d/),
    })
    expect(await type.revoke!(connection)).toBe(true)
    expect(slack.state.revoked).toEqual([renewed.access_token])
    await expect(type.test(connection)).rejects.toMatchObject({
      kind: 'credentials',
      message: expect.stringMatching(/token_revoked/),
    })
  })

  test('is offered only where it is asked for and set up; an entered token is left alone', async () => {
    const { type, connect, slack } = await prepare()
    await expect(
      type.oauth!({ ...given({ authentication: 'oauth' }), ...place, operatorClient: null }),
    ).rejects.toBeInstanceOf(OAuthNotConfigured)
    expect(await type.oauth!({ ...given({}), ...place, operatorClient: null })).toBeNull()
    expect([type.asksForOAuth!({}), type.asksForOAuth!({ authentication: 'oauth' })]).toEqual([false, true])
    expect(await type.revoke!(connect())).toBeNull()
    expect(slack.state.calls).toHaveLength(0)
  })
})
