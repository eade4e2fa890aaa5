import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { serve } from '../../../url-guard/url-guard-testing.ts'
import { allScopes, scopeOf, type TestChannel, type TestFile, type TestMessage } from './slack-workspace-testing.ts'

/** A workspace that speaks the Web API: 200 with `ok: false`, cursors, 429 with Retry-After, files in three steps. */
export async function startSlack() {
  const tokens = new Map<string, string>()
  const refreshTokens = new Set<string>()
  const codes = new Set<string>()
  const client = { id: '2141029472.691202649728', secret: 'planted-slack-client-secret' }
  const users: Record<string, { name: string; real_name: string; profile: { display_name: string } }> = {
    U0ANNA0001: { name: 'anna', real_name: 'Anna Smith', profile: { display_name: 'Anna' } },
    U0BEN00002: { name: 'ben', real_name: 'Ben Jones', profile: { display_name: '' } },
  }
  const channels: TestChannel[] = [
    { id: 'C0GENERAL1', name: 'general', is_private: false, is_member: true, is_archived: false, messages: [] },
    { id: 'C0RANDOM01', name: 'random', is_private: false, is_member: false, is_archived: false, messages: [] },
    { id: 'C0OLD00001', name: 'old', is_private: false, is_member: true, is_archived: true, messages: [] },
    { id: 'G0SECRET01', name: 'board', is_private: true, is_member: true, is_archived: false, messages: [] },
  ]
  const files = new Map<string, TestFile>()
  const uploads = new Map<string, TestFile>()
  const state = {
    /** Calls that are answered with 429 before the next one is done. */
    limited: 0,
    /** An answer that replaces the one of a method. */
    instead: new Map<string, { status: number; body: string }>(),
    /** Files lead to the page for signing in, as where the app may not see them. */
    hidesFiles: false,
    /** Where `files.getUploadURLExternal` sends the file. */
    uploadHost: '',
    calls: [] as { method: string; parameters: Record<string, string>; authorization: string }[],
    revoked: [] as string[],
  }
  let clock = 1_767_225_600

  const addMessage = (channelId: string, message: Partial<TestMessage>) => {
    const channel = channels.find(({ id }) => id === channelId)
    clock += 60
    const added: TestMessage = { type: 'message', text: '', ts: `${clock}.000100`, ...message }
    channel?.messages.unshift(added)
    const parent = channel?.messages.find(({ ts }) => ts === added.thread_ts)
    if (parent) Object.assign(parent, { thread_ts: parent.ts, reply_count: (parent.reply_count ?? 0) + 1 })
    return added
  }
  const addFile = (file: Partial<TestFile> & { content: Buffer }) => {
    const id = `F0${String(files.size + uploads.size + 1).padStart(8, '0')}`
    const added: TestFile = { id, name: 'notes.txt', mimetype: 'text/plain', size: file.content.length, ...file }
    files.set(id, added)
    return added
  }
  const addToken = (scopes = allScopes) => {
    const token = `xoxb-${randomBytes(12).toString('hex')}`
    tokens.set(token, scopes)
    return token
  }

  type Method = (parameters: Record<string, string>, token: string) => object
  const page = <Item>(items: readonly Item[], { cursor = '', limit = '100' }: Record<string, string>) => {
    const from = cursor === '' ? 0 : Number(Buffer.from(cursor, 'base64').toString())
    const until = from + Number(limit)
    const next = until < items.length ? Buffer.from(String(until)).toString('base64') : ''
    return { items: items.slice(from, until), has_more: next !== '', response_metadata: { next_cursor: next } }
  }
  const refuse = (error: string, more: object = {}) => ({ ok: false, error, ...more })
  const openChannel = (id: string | undefined) => {
    const channel = channels.find((one) => one.id === id)
    if (!channel) return { error: refuse('channel_not_found') }
    if (!channel.is_member) return { error: refuse('not_in_channel') }
    return { channel }
  }

  const methods: Record<string, Method> = {
    'auth.test': () => ({
      ok: true,
      url: 'https://acme.slack.com/',
      team: 'Acme',
      user: 'agent_bot',
      team_id: 'T0ACME0001',
      user_id: 'U0BOT00001',
      bot_id: 'B0BOT00001',
      is_enterprise_install: false,
    }),
    'auth.revoke': (_given, token) => {
      state.revoked.push(token)
      tokens.delete(token)
      return { ok: true, revoked: true }
    },
    'conversations.list': (given) => {
      const types = (given.types ?? 'public_channel').split(',')
      const seen = channels.filter(
        (one) =>
          types.includes(one.is_private ? 'private_channel' : 'public_channel') &&
          !(given.exclude_archived === 'true' && one.is_archived),
      )
      const { items, response_metadata } = page(seen, { ...given, limit: String(Math.min(2, Number(given.limit))) })
      const shown = items.map(({ messages: _, ...one }) => ({
        ...one,
        num_members: 3,
        topic: { value: `About ${one.name}`, creator: '', last_set: 0 },
        purpose: { value: '', creator: '', last_set: 0 },
      }))
      return { ok: true, channels: shown, response_metadata }
    },
    'conversations.history': (given) => {
      const { channel, error } = openChannel(given.channel)
      if (!channel) return error
      const found = channel.messages.filter(
        ({ ts, thread_ts }) => (!thread_ts || thread_ts === ts) && Number(ts) > Number(given.oldest ?? 0),
      )
      const { items: messages, has_more, response_metadata } = page(found, given)
      // After the last page the whole part is left out.
      return { ok: true, messages, has_more, pin_count: 0, ...(has_more && { response_metadata }) }
    },
    'conversations.replies': (given) => {
      const { channel, error } = openChannel(given.channel)
      if (!channel) return error
      const found = channel.messages.filter(({ ts, thread_ts }) => ts === given.ts || thread_ts === given.ts)
      if (!found.some(({ ts }) => ts === given.ts)) return refuse('thread_not_found')
      const { items: messages, has_more, response_metadata } = page(found.toReversed(), given)
      return { ok: true, messages, has_more, response_metadata }
    },
    'chat.postMessage': (given) => {
      const { channel, error } = openChannel(given.channel)
      if (!channel) return error
      if (channel.is_archived) return refuse('is_archived')
      if (!given.text) return refuse('no_text')
      const message = addMessage(channel.id, {
        text: given.text,
        bot_id: 'B0BOT00001',
        user: 'U0BOT00001',
        ...(given.thread_ts && { thread_ts: given.thread_ts }),
      })
      return { ok: true, channel: channel.id, ts: message.ts, message }
    },
    'users.info': (given) => {
      const user = users[given.user ?? '']
      return user ? { ok: true, user: { id: given.user, team_id: 'T0ACME0001', ...user } } : refuse('user_not_found')
    },
    'files.info': (given) => {
      const file = files.get(given.file ?? '')
      if (!file) return refuse('file_not_found')
      const { content: _, ...shown } = file
      const url_private_download = `${server.url}/files-pri/T0ACME0001-${file.id}/download/${file.name}`
      return { ok: true, file: { url_private_download, mode: 'hosted', is_external: false, ...shown }, comments: [] }
    },
    'files.getUploadURLExternal': (given) => {
      if (!given.filename || !(Number(given.length) > 0)) return refuse('invalid_arguments')
      const id = `F0${String(files.size + uploads.size + 1).padStart(8, '0')}`
      uploads.set(id, {
        id,
        name: given.filename,
        mimetype: 'text/plain',
        size: Number(given.length),
        content: Buffer.alloc(0),
      })
      return { ok: true, upload_url: `${state.uploadHost || server.url}/upload/v1/${id}`, file_id: id }
    },
    'files.completeUploadExternal': (given) => {
      const { channel, error } = openChannel(given.channel_id)
      if (!channel) return error
      const named = JSON.parse(given.files ?? '[]') as { id: string; title?: string }[]
      const done = named.map(({ id }) => uploads.get(id)).filter((file) => file !== undefined)
      if (done.length === 0 || done.some((file) => file.content.length !== file.size)) return refuse('file_not_found')
      for (const file of done) files.set(file.id, file)
      addMessage(channel.id, {
        text: given.initial_comment ?? '',
        user: 'U0BOT00001',
        files: done.map(({ id, name, mimetype, size }) => ({ id, name, mimetype, size })),
        ...(given.thread_ts && { thread_ts: given.thread_ts }),
      })
      return { ok: true, files: named }
    },
  }

  function giveTokens(given: Record<string, string>, authorization: string | undefined): object {
    if (authorization !== `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`)
      return refuse('bad_client_secret')
    if (given.grant_type === 'refresh_token') {
      if (!refreshTokens.delete(given.refresh_token ?? '')) return refuse('invalid_refresh_token')
    } else if (!codes.delete(given.code ?? '')) return refuse('invalid_code')
    const access_token = `xoxe.${addToken()}`
    tokens.set(access_token, allScopes)
    const refresh_token = `xoxe-1-${randomBytes(12).toString('hex')}`
    refreshTokens.add(refresh_token)
    return {
      ok: true,
      app_id: 'A0APP00001',
      authed_user: { id: 'U0ANNA0001' },
      scope: allScopes,
      token_type: 'bot',
      access_token,
      refresh_token,
      expires_in: 43_200,
      bot_user_id: 'U0BOT00001',
      team: { id: 'T0ACME0001', name: 'Acme' },
      enterprise: null,
      is_enterprise_install: false,
    }
  }

  const json = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) =>
    void response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
      .end(JSON.stringify(body))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const { pathname } = new URL(request.url ?? '/', 'http://x')
    const { authorization = '' } = request.headers
    const token = authorization.replace(/^Bearer /, '')
    const upload = uploads.get(/^\/upload\/v1\/(\w+)$/.exec(pathname)?.[1] ?? '')
    if (upload) {
      upload.content = body
      return void response.writeHead(200).end(`OK - ${body.length}`)
    }
    const file = files.get(/^\/files-pri\/T0ACME0001-(\w+)\//.exec(pathname)?.[1] ?? '')
    if (file) {
      if (!state.hidesFiles && tokens.get(token)?.includes('files:read'))
        return void response.writeHead(200, { 'content-type': file.mimetype }).end(file.content)
      return void response.writeHead(302, { location: 'https://acme.slack.com/?redir=%2Ffiles-pri' }).end()
    }
    const method = pathname.replace('/api/', '')
    const parameters = Object.fromEntries(new URLSearchParams(body.toString()))
    state.calls.push({ method, parameters, authorization })
    const instead = state.instead.get(method)
    if (instead) return void response.writeHead(instead.status).end(instead.body)
    if (method === 'oauth.v2.access') return json(response, 200, giveTokens(parameters, authorization))
    if (state.limited > 0) {
      state.limited -= 1
      return json(response, 429, refuse('ratelimited'), { 'retry-after': '30' })
    }
    const scopes = tokens.get(token)
    if (scopes === undefined)
      return json(response, 200, refuse(state.revoked.includes(token) ? 'token_revoked' : 'invalid_auth'))
    const found = methods[method]
    if (!found) return json(response, 200, refuse('unknown_method', { req_method: method }))
    const needed = scopeOf[method]
    if (needed && !scopes.split(',').includes(needed))
      return json(response, 200, refuse('missing_scope', { needed, provided: scopes }))
    const headers = { 'x-oauth-scopes': scopes, ...(needed && { 'x-accepted-oauth-scopes': needed }) }
    json(response, 200, found(parameters, token), headers)
  }

  const server = await serve((request, response) => void answer(request, response))
  const addCode = () => {
    const code = randomBytes(8).toString('hex')
    codes.add(code)
    return code
  }
  return {
    ...server,
    baseUrl: `${server.url}/api`,
    state,
    channels,
    files,
    client,
    addMessage,
    addFile,
    addToken,
    addCode,
  }
}
