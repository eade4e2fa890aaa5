import { z } from 'zod'
import { askProvider, parseJson } from '../../ask-provider.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { explainSlackError } from './explain-slack-error.ts'

/** A connection and where Slack's methods are: `https://slack.com/api`. */
export interface Slack {
  connection: Connection
  baseUrl: string
}

export type SlackParameters = Record<string, string | number | boolean | undefined>

const refusalSchema = z.object({ ok: z.literal(false), error: z.string(), needed: z.string().optional() })
const okSchema = z.object({ ok: z.literal(true) })

export async function tokenOf({ settings, credentials, getAccessToken }: Connection): Promise<string> {
  return settings.authentication === 'oauth' ? await getAccessToken() : String(credentials.bot_token)
}

/** One method of the Web API. Slack answers nearly everything with 200, and says in the body whether it did it. */
export async function callSlack<Answer extends z.ZodType>(
  { connection, baseUrl }: Slack,
  method: string,
  parameters: SlackParameters,
  schema: Answer,
): Promise<{ answer: z.infer<Answer>; headers: Headers }> {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) body.set(name, String(value))
  const { status, headers, text } = await askProvider(connection, new URL(`${baseUrl}/${method}`), {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      authorization: `Bearer ${await tokenOf(connection)}`,
    },
    body: body.toString(),
  })
  if (status === 429) throw new Error(`Slack asks to wait ${waitOf(headers)} before the next call of this kind.`)
  const json = parseJson(text)
  const refusal = refusalSchema.safeParse(json).data
  if (refusal) throw explainSlackError(refusal.error, refusal)
  if (status !== 200 || !okSchema.safeParse(json).success)
    throw new ConnectionFailed('unreachable', `Slack answered ${status} and nothing that can be read.`)
  const answer = schema.safeParse(json)
  if (!answer.success) throw new Error(`Slack answered ${method} in an unknown form.`, { cause: answer.error })
  return { answer: answer.data, headers }
}

function waitOf(headers: Headers): string {
  const seconds = Number(headers.get('retry-after'))
  return seconds > 0 ? `${seconds} seconds` : 'a moment'
}

/** Lists are read in pages; Slack writes an empty cursor after the last one. */
export const pageSchema = z
  .object({ next_cursor: z.string().optional() })
  .nullish()
  .transform((page) => page?.next_cursor || null)
