import type { JSONSchema7 } from '@ai-sdk/provider'
import { z } from 'zod'
import type { Connection, IntegrationTool } from '../../integration-type.ts'
import type { Slack } from './call-slack.ts'
import { listChannels } from './slack-channels.ts'
import { readFile, uploadFile } from './slack-files.ts'
import { postMessage, readMessages, readThread } from './slack-messages.ts'

const maxTextChars = 12_000
const maxContentChars = 500_000

const channel = z.string().trim().min(1).max(100)
const ts = z.string().regex(/^\d{5,15}\.\d{1,10}$/, 'must be the ts of a message, such as 1767225600.000100')
const cursor = z.string().max(500).optional()
const limit = z.number().int().min(1).max(100).optional()

const listInput = z.object({ cursor })
const historyInput = z.object({ channel, since: z.iso.datetime({ offset: true }).optional(), limit, cursor })
const threadInput = z.object({ channel, ts, limit, cursor })
const postInput = z.object({ channel, text: z.string().trim().min(1).max(maxTextChars), thread_ts: ts.optional() })
const fileInput = z.object({
  file_id: z.string().regex(/^F[A-Z0-9]{5,30}$/, 'must be the id of a file, such as F0123456789'),
})
const uploadInput = z.object({
  channel,
  filename: z.string().regex(/^[^/\\\p{Cc}]{1,200}$/u, 'must be the name of a file without a folder'),
  content: z.string().min(1).max(maxContentChars),
  comment: z.string().trim().min(1).max(maxTextChars).optional(),
  thread_ts: ts.optional(),
})

const channelField: JSONSchema7 = { type: 'string', description: '#general, or the id of a channel' }
const cursorField: JSONSchema7 = { type: 'string', description: 'next_cursor of the answer before, to read on' }
const limitField: JSONSchema7 = { type: 'integer', minimum: 1, maximum: 100 }
const threadField: JSONSchema7 = {
  type: 'string',
  description: 'To answer in a thread: the ts of its first message. Left out: a message of its own',
}

const object = (properties: Record<string, JSONSchema7>, required: string[] = []): JSONSchema7 => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})

const where = (given: { channel: string; thread_ts?: string | undefined }) =>
  `${given.thread_ts ? 'in a thread of ' : 'in '}${given.channel}`
const short = (text: string) => (text.length > 300 ? `${text.slice(0, 299).replace(/[\ud800-\udbff]$/, '')}…` : text)

type At = (connection: Connection) => Slack

export function slackTools(baseUrl: string): IntegrationTool[] {
  const at: At = (connection) => ({ connection, baseUrl })
  return [...readingTools(at), ...writingTools(at)]
}

function readingTools(at: At): IntegrationTool[] {
  const reads = { effect: 'reads', isUntrusted: true } as const
  return [
    {
      name: 'list_channels',
      title: 'List channels',
      description: 'The channels of the workspace that the app can see, and whether it is in them.',
      inputSchema: object({ cursor: cursorField }),
      ...reads,
      execute: async (input, connection) => listChannels(at(connection), listInput.parse(input).cursor),
    },
    {
      name: 'read_messages',
      title: 'Read messages',
      description: 'The newest messages of a channel, newest first. Answers in threads are read with read_thread.',
      inputSchema: object(
        {
          channel: channelField,
          since: { type: 'string', format: 'date-time', description: 'Only messages after this time' },
          limit: limitField,
          cursor: cursorField,
        },
        ['channel'],
      ),
      ...reads,
      execute: async (input, connection) => readMessages(at(connection), historyInput.parse(input)),
    },
    {
      name: 'read_thread',
      title: 'Read a thread',
      description: 'A message and the answers to it, oldest first.',
      inputSchema: object(
        {
          channel: channelField,
          ts: { type: 'string', description: 'ts of the first message' },
          limit: limitField,
          cursor: cursorField,
        },
        ['channel', 'ts'],
      ),
      ...reads,
      execute: async (input, connection) => readThread(at(connection), threadInput.parse(input)),
    },
    {
      name: 'read_file',
      title: 'Read a text file',
      description: 'The text of a file in a message, by its id. Pictures, PDF and the like cannot be read.',
      inputSchema: object({ file_id: { type: 'string', description: 'Such as F0123456789' } }, ['file_id']),
      ...reads,
      execute: async (input, connection) => readFile(at(connection), fileInput.parse(input).file_id),
    },
  ]
}

function writingTools(at: At): IntegrationTool[] {
  const writes = { effect: 'writes', isUntrusted: false } as const
  return [
    {
      name: 'post_message',
      title: 'Post a message',
      description:
        "Posts a message as the app. Slack's own marks: *bold*, _italic_, `code`, > quote; <@U0123456789> mentions a user. A channel as a whole cannot be called.",
      inputSchema: object(
        {
          channel: channelField,
          text: { type: 'string', minLength: 1, maxLength: maxTextChars },
          thread_ts: threadField,
        },
        ['channel', 'text'],
      ),
      ...writes,
      describeCall(input) {
        const given = postInput.parse(input)
        return `Post ${where(given)}: "${short(given.text)}"`
      },
      execute: async (input, connection) => postMessage(at(connection), postInput.parse(input)),
    },
    {
      name: 'upload_file',
      title: 'Upload a file',
      description: 'Puts a text file into a channel, with a comment if you like.',
      inputSchema: object(
        {
          channel: channelField,
          filename: { type: 'string', description: 'Such as report.csv', maxLength: 200 },
          content: { type: 'string', minLength: 1, maxLength: maxContentChars },
          comment: { type: 'string', maxLength: maxTextChars },
          thread_ts: threadField,
        },
        ['channel', 'filename', 'content'],
      ),
      ...writes,
      describeCall(input) {
        const given = uploadInput.parse(input)
        const size = `${new TextEncoder().encode(given.content).length.toLocaleString('en')} bytes`
        return `Upload ${given.filename} (${size}) ${where(given)}${given.comment ? `: "${short(given.comment)}"` : ''}`
      },
      execute: async (input, connection) => uploadFile(at(connection), uploadInput.parse(input)),
    },
  ]
}
