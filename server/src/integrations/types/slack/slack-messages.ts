import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'
import { callSlack, pageSchema, type Slack } from './call-slack.ts'
import { findChannelId } from './slack-channels.ts'
import { mentionedUsers, readSlackText, writeSlackText } from './slack-text.ts'

/** Names that are looked up for one answer; the others stay ids. */
const maxNames = 30

const fileSchema = z.object({
  id: z.string(),
  name: z.string().nullish(),
  mimetype: z.string().optional(),
  size: z.number().optional(),
})
const messageSchema = z.object({
  ts: z.string(),
  text: z.string().default(''),
  user: z.string().optional(),
  username: z.string().optional(),
  bot_id: z.string().optional(),
  thread_ts: z.string().optional(),
  reply_count: z.number().optional(),
  // Apps often write nothing else.
  attachments: z.array(z.object({ fallback: z.string().optional(), text: z.string().optional() })).optional(),
  files: z.array(fileSchema).optional(),
})
type Message = z.infer<typeof messageSchema>
const messagesSchema = z.object({ messages: z.array(messageSchema), response_metadata: pageSchema })
const userSchema = z.object({
  user: z.object({
    name: z.string(),
    real_name: z.string().optional(),
    profile: z.object({ display_name: z.string().optional() }).optional(),
  }),
})

export interface SlackMessage {
  /** Names the message: for `read_thread` and answers. */
  ts: string
  at: string
  user: string
  text: string
  replies?: number
  thread_ts?: string
  files?: { id: string; name: string; type: string; bytes: number }[]
}

export interface SlackMessages {
  messages: SlackMessage[]
  next_cursor: string | null
}

interface Range {
  limit?: number | undefined
  cursor?: string | undefined
}

/** Newest first, as Slack gives them. */
export async function readMessages(
  slack: Slack,
  { channel, since, limit = 30, cursor }: Range & { channel: string; since?: string | undefined },
): Promise<SlackMessages> {
  const oldest = since === undefined ? undefined : String(Date.parse(since) / 1000)
  const parameters = { channel: await findChannelId(slack, channel), limit, cursor, oldest }
  const { answer } = await callSlack(slack, 'conversations.history', parameters, messagesSchema)
  return await toMessages(slack, answer)
}

/** The first message and what was answered, oldest first. */
export async function readThread(
  slack: Slack,
  { channel, ts, limit = 50, cursor }: Range & { channel: string; ts: string },
): Promise<SlackMessages> {
  const parameters = { channel: await findChannelId(slack, channel), ts, limit, cursor }
  const { answer } = await callSlack(slack, 'conversations.replies', parameters, messagesSchema)
  return await toMessages(slack, answer)
}

export async function postMessage(
  slack: Slack,
  { channel, text, thread_ts }: { channel: string; text: string; thread_ts?: string | undefined },
): Promise<{ channel: string; ts: string }> {
  const parameters = {
    channel: await findChannelId(slack, channel),
    text: writeSlackText(text),
    thread_ts,
    // Slack would fetch what is linked: an address could carry something out that nobody clicked on.
    unfurl_links: false,
    unfurl_media: false,
  }
  const schema = z.object({ channel: z.string(), ts: z.string() })
  return (await callSlack(slack, 'chat.postMessage', parameters, schema)).answer
}

async function toMessages(
  slack: Slack,
  { messages, response_metadata: next_cursor }: z.infer<typeof messagesSchema>,
): Promise<SlackMessages> {
  const names = await findNames(slack, messages)
  return { messages: messages.map((message) => toMessage(message, names)), next_cursor }
}

function toMessage(message: Message, names: ReadonlyMap<string, string>): SlackMessage {
  const { ts, user, username, bot_id, reply_count, thread_ts, files = [], attachments = [] } = message
  const text = message.text || attachments.map((one) => one.text ?? one.fallback ?? '').join('\n')
  return {
    ts,
    at: new Date(Number(ts) * 1000).toISOString(),
    user: cleanToolText(names.get(user ?? '') ?? username ?? user ?? bot_id ?? '', 100),
    text: readSlackText(text, names),
    ...(reply_count !== undefined && reply_count > 0 && { replies: reply_count }),
    ...(thread_ts !== undefined && thread_ts !== ts && { thread_ts }),
    ...(files.length > 0 && {
      files: files.map(({ id, name, mimetype, size }) => ({
        id,
        name: cleanToolText(name ?? '', 200),
        type: mimetype ?? '',
        bytes: size ?? 0,
      })),
    }),
  }
}

/** Names by user id. Whoever cannot be looked up keeps the id: the messages are worth more than the names. */
async function findNames(slack: Slack, messages: readonly Message[]): Promise<Map<string, string>> {
  const ids = messages.flatMap(({ user, text }) => [...(user ? [user] : []), ...mentionedUsers(text)])
  const wanted = [...new Set(ids)].slice(0, maxNames)
  const names = new Map<string, string>()
  for (let at = 0; at < wanted.length; at += 6) {
    const found = await Promise.allSettled(wanted.slice(at, at + 6).map(async (id) => [id, await findName(slack, id)]))
    const rejected = found.every(({ status }) => status === 'rejected')
    for (const one of found) if (one.status === 'fulfilled') names.set(one.value[0] ?? '', one.value[1] ?? '')
    // Without the right, or with the limit used up, the others fail as well.
    if (rejected) break
  }
  return names
}

async function findName(slack: Slack, id: string): Promise<string> {
  const { user } = (await callSlack(slack, 'users.info', { user: id }, userSchema)).answer
  return cleanToolText(user.profile?.display_name || user.real_name || user.name, 100)
}
