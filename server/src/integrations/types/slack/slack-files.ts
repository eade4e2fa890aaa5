import { z } from 'zod'
import { askProvider } from '../../ask-provider.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { ConnectionFailed } from '../../integration-type.ts'
import { callSlack, type Slack, tokenOf } from './call-slack.ts'
import { findChannelId } from './slack-channels.ts'
import { writeSlackText } from './slack-text.ts'

const maxFileBytes = 1_000_000

const uploadSchema = z.object({ upload_url: z.string(), file_id: z.string() })
const infoSchema = z.object({
  file: z.object({
    id: z.string(),
    name: z.string().nullish(),
    mimetype: z.string().default(''),
    size: z.number().default(0),
    is_external: z.boolean().optional(),
    url_private_download: z.string().optional(),
    url_private: z.string().optional(),
  }),
})

export interface NewFile {
  channel: string
  filename: string
  content: string
  comment?: string | undefined
  thread_ts?: string | undefined
}

/** In Slack's three steps: a place for the file, its bytes, and its message in the channel. */
export async function uploadFile(slack: Slack, file: NewFile): Promise<{ file_id: string; channel: string }> {
  const channel = await findChannelId(slack, file.channel)
  const bytes = new TextEncoder().encode(file.content)
  const place = { filename: file.filename, length: bytes.length }
  const { answer } = await callSlack(slack, 'files.getUploadURLExternal', place, uploadSchema)
  const uploaded = await askProvider(slack.connection, checkSlackUrl(answer.upload_url, slack), {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  })
  if (uploaded.status !== 200) throw new Error(`Slack did not take the file (${uploaded.status}).`)
  const parameters = {
    files: JSON.stringify([{ id: answer.file_id, title: file.filename }]),
    channel_id: channel,
    initial_comment: file.comment === undefined ? undefined : writeSlackText(file.comment),
    thread_ts: file.thread_ts,
  }
  await callSlack(slack, 'files.completeUploadExternal', parameters, z.object({}))
  return { file_id: answer.file_id, channel }
}

/** The text of a file; throws for everything that is no text. */
export async function readFile(slack: Slack, id: string): Promise<{ name: string; type: string; text: string }> {
  const { file } = (await callSlack(slack, 'files.info', { file: id }, infoSchema)).answer
  const name = cleanToolText(file.name ?? '', 200)
  const address = file.url_private_download ?? file.url_private
  if (file.is_external || address === undefined) throw new Error(`${name} is not kept at Slack.`)
  if (!isText(file.mimetype)) throw new Error(`${name} is ${file.mimetype || 'no text'} and cannot be read as text.`)
  if (file.size > maxFileBytes) throw new Error(`${name} is larger than ${maxFileBytes / 1_000_000} MB.`)
  const { status, headers, text } = await askProvider(slack.connection, checkSlackUrl(address, slack), {
    headers: { authorization: `Bearer ${await tokenOf(slack.connection)}` },
    maxBytes: maxFileBytes,
  })
  // Without the right Slack leads to its page for signing in instead of refusing.
  const isPage = /text\/html/i.test(headers.get('content-type') ?? '') && !/html/i.test(file.mimetype)
  if (status !== 200 || isPage)
    throw new Error(
      `Slack does not give out ${name}. Does the app have the right files:read, and is it in the channel?`,
    )
  return { name, type: file.mimetype, text: text.replaceAll('\0', '').toWellFormed() }
}

const isText = (type: string) => /^text\/|[/+](json|xml|yaml|x-yaml|x-ndjson|javascript|x-sh|sql)$/i.test(type)

/** The token and the file go to Slack alone, whatever address an answer names. */
function checkSlackUrl(text: string, { baseUrl }: Slack): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isSlack =
    url !== null &&
    (url.origin === new URL(baseUrl).origin ||
      (url.protocol === 'https:' && url.port === '' && /(^|\.)slack\.com$/.test(url.hostname)))
  if (!isSlack) throw new ConnectionFailed('refused', 'Slack named an address for the file that is not its own.')
  return url
}
