export interface TestMessage {
  type: 'message'
  ts: string
  text: string
  user?: string
  bot_id?: string
  thread_ts?: string
  reply_count?: number
  attachments?: object[]
  files?: object[]
}

export interface TestChannel {
  id: string
  name: string
  is_private: boolean
  is_member: boolean
  is_archived: boolean
  messages: TestMessage[]
}

export interface TestFile {
  id: string
  name: string
  mimetype: string
  size: number
  content: Buffer
  url_private_download?: string
}

export const allScopes =
  'channels:read,channels:history,groups:read,groups:history,chat:write,files:read,files:write,users:read'

// https://docs.slack.dev/reference/methods: the right of each method; without one, any token does.
export const scopeOf: Record<string, string> = {
  'conversations.list': 'channels:read',
  'conversations.history': 'channels:history',
  'conversations.replies': 'channels:history',
  'chat.postMessage': 'chat:write',
  'users.info': 'users:read',
  'files.info': 'files:read',
  'files.getUploadURLExternal': 'files:write',
  'files.completeUploadExternal': 'files:write',
}
