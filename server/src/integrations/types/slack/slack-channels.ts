import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'
import { callSlack, pageSchema, type Slack } from './call-slack.ts'

/** Pages of a thousand that are looked through for a name. */
const maxPages = 5

const answerSchema = z.object({
  channels: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      is_private: z.boolean().optional(),
      is_member: z.boolean().optional(),
      num_members: z.number().optional(),
      topic: z.object({ value: z.string() }).optional(),
      purpose: z.object({ value: z.string() }).optional(),
    }),
  ),
  response_metadata: pageSchema,
})

async function listPage(slack: Slack, { cursor, limit }: { cursor?: string | undefined; limit: number }) {
  const types =
    slack.connection.settings.private_channels === true ? 'public_channel,private_channel' : 'public_channel'
  const parameters = { types, exclude_archived: true, limit, cursor }
  return (await callSlack(slack, 'conversations.list', parameters, answerSchema)).answer
}

export interface SlackChannel {
  id: string
  name: string
  is_private: boolean
  /** Whether the app is in it, without which it cannot read or post there. */
  is_member: boolean
  members: number | null
  topic: string
  purpose: string
}

export async function listChannels(
  slack: Slack,
  cursor: string | undefined,
): Promise<{ channels: SlackChannel[]; next_cursor: string | null }> {
  const { channels, response_metadata: next_cursor } = await listPage(slack, { cursor, limit: 200 })
  return {
    channels: channels.map(({ id, name, is_private, is_member, num_members, topic, purpose }) => ({
      id,
      name: cleanToolText(name, 100),
      is_private: is_private ?? false,
      is_member: is_member ?? false,
      members: num_members ?? null,
      topic: cleanToolText(topic?.value ?? '', 300),
      purpose: cleanToolText(purpose?.value ?? '', 300),
    })),
    next_cursor,
  }
}

/** The id of `C0123456789`, `#general` or `general`. Throws when no such channel is to be seen. */
export async function findChannelId(slack: Slack, text: string): Promise<string> {
  const wanted = text.trim()
  if (/^[CG][A-Z0-9]{7,}$/.test(wanted)) return wanted
  const name = wanted.replace(/^#/, '').toLowerCase()
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const { channels, response_metadata: next } = await listPage(slack, { cursor, limit: 1000 })
    const found = channels.find((channel) => channel.name === name)
    if (found) return found.id
    if (next === null) break
    cursor = next
  }
  throw new Error(
    `There is no channel #${name.slice(0, 80)} that the app can see. list_channels gives those there are.`,
  )
}
