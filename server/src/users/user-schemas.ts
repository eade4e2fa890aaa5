import { z } from 'zod'
import { givenPasswordSchema, newPasswordSchema } from '../auth/password.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'
import { checkUrl } from '../url-guard/check-url.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const done = z.null().meta({ description: 'Done; the answer has no body' })
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'

// One spelling of each address: PostgreSQL keeps it in lower case under a unique index.
export const emailSchema = z
  .string()
  .trim()
  .toLowerCase()
  .max(255, 'At most 255 characters.')
  .pipe(z.email('This is not an e-mail address.'))
  .meta({ description: 'E-mail address, in any case', example: 'ada@example.com' })

export const nameSchema = typedText(100, 1)

export const roleSchema = z.enum(['user', 'admin'])

export const userFields = {
  id: z.uuid().meta({ description: 'Id of the account', example: exampleId }),
  email: z.string().meta({ description: 'E-mail address, in lower case', example: 'ada@example.com' }),
  first_name: z.string().nullable().meta({ description: 'First name', example: 'Ada' }),
  last_name: z.string().nullable().meta({ description: 'Last name', example: 'Lovelace' }),
  avatar_url: z.string().nullable().meta({ description: 'Picture', example: 'https://example.com/ada.png' }),
  role: roleSchema.meta({ description: 'What the account may do', example: 'user' }),
  created_at: timestampSchema.meta({ description: 'When the account was made', example: '2026-11-22T09:30:00.000Z' }),
  updated_at: timestampSchema.meta({ description: 'When it last changed', example: '2026-11-22T09:30:00.000Z' }),
}

const costCapDescription =
  'Cap on what models cost in a calendar month (UTC), in US dollars; at the cap no run begins, and `0.00` lets none begin'

export const userSchema = z
  .object({
    ...userFields,
    cost_cap_usd: z
      .string()
      .nullable()
      .meta({ description: `${costCapDescription}; null: none`, example: '25.00' }),
  })
  .meta({ id: 'User', description: 'An account' })

/** As people write money: at most nine digits before the point, at most two behind it. */
const costCapSchema = z
  .string()
  .trim()
  .regex(/^\d{1,9}(\.\d{1,2})?$/, 'An amount in US dollars, such as 25.00.')

const avatarUrlSchema = typedText(255, 1).superRefine((text, context) => {
  try {
    checkUrl(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'This is not a web address.' })
  }
})

const sessionSchema = z
  .object({
    id: z.uuid().meta({ description: 'Id of the session', example: exampleId }),
    user_agent_header: z
      .string()
      .nullable()
      .meta({ description: 'How the browser named itself', example: 'Mozilla/5.0 (X11; Linux x86_64)' }),
    created_at: timestampSchema.meta({ description: 'When it was signed in', example: '2026-11-22T09:30:00.000Z' }),
    rotated_at: timestampSchema.meta({
      description: 'When it was last refreshed',
      example: '2026-11-22T09:45:00.000Z',
    }),
    expires_at: timestampSchema.meta({ description: 'When it ends if unused', example: '2026-12-22T09:45:00.000Z' }),
    is_current: z.boolean().meta({ description: 'Whether this request came from it', example: true }),
  })
  .meta({ id: 'Session', description: 'A signed-in browser or program' })

const anyRows = z.array(z.record(z.string(), z.unknown()))

export const exportSchema = z
  .object({
    exported_at: z.string().meta({ description: 'When the download began', example: '2026-11-22T09:30:00.000Z' }),
    profile: z
      .record(z.string(), z.unknown())
      .meta({ description: 'The account', example: { email: 'ada@example.com' } }),
    sessions: anyRows.meta({ description: 'Signed-in browsers', example: [] }),
    api_keys: anyRows.meta({ description: 'API keys without the keys', example: [] }),
    agents: anyRows.meta({ description: 'Agents you made', example: [] }),
    user_agents: anyRows.meta({ description: 'Agents you configured, with their settings', example: [] }),
    integrations: anyRows.meta({ description: 'Connected accounts without their credentials', example: [] }),
    subscriptions: anyRows.meta({ description: 'Your subscriptions', example: [] }),
    agent_logs: anyRows.meta({ description: 'Every run, oldest first', example: [] }),
  })
  .meta({ id: 'AccountExport', description: 'Everything this installation keeps about you' })

const tags = ['Account']

export const userRoutes = {
  'GET /api/v1/me': {
    tags,
    summary: 'My account',
    description: 'The account that sent the request.',
    response: { 200: userSchema, ...problems },
  },
  'PATCH /api/v1/me': {
    tags,
    summary: 'Change my profile',
    description:
      'Changes the fields that are sent; null clears one. The cost cap needs a session: a key must not lift it.',
    body: z.strictObject({
      first_name: nameSchema.nullable().optional().meta({ description: 'First name', example: 'Ada' }),
      last_name: nameSchema.nullable().optional().meta({ description: 'Last name', example: 'Lovelace' }),
      avatar_url: avatarUrlSchema.nullable().optional().meta({
        description: 'http or https address of a picture, without user name; this server never fetches it',
        example: 'https://example.com/ada.png',
      }),
      cost_cap_usd: costCapSchema.nullable().optional().meta({ description: costCapDescription, example: '25.00' }),
    }),
    response: { 200: userSchema, ...problems },
  },
  'DELETE /api/v1/me': {
    tags,
    summary: 'Delete my account',
    description:
      'Deletes the account with its sessions, API keys, user agents, integrations, subscriptions and logs. Agents you made ' +
      'are deleted, or, where others configured them, leave the catalogue and stay theirs. Needs a session and the ' +
      'password; with a token of Supabase Auth a sign-in within the last 10 minutes and no body. The last admin cannot ' +
      'leave while other accounts exist.',
    body: z.strictObject({ password: givenPasswordSchema.optional() }).nullish(),
    response: { 204: done, ...problems },
  },
  'POST /api/v1/me/password': {
    tags,
    summary: 'Change my password',
    description:
      'Ends all other sessions. API keys stay valid. Needs a session. Users of Supabase Auth change theirs there: ' +
      '`password_managed_elsewhere`.',
    body: z.strictObject({ current_password: givenPasswordSchema, new_password: newPasswordSchema }),
    response: { 204: done, ...problems },
  },
  'GET /api/v1/me/export': {
    tags,
    summary: 'Download my data',
    description:
      'Everything this installation keeps about you as one JSON file, streamed. Passwords, keys and credentials are not in it. ' +
      'A connection that breaks off leaves JSON that does not parse: download again.',
    response: { 200: exportSchema, ...problems },
  },
  'GET /api/v1/me/sessions': {
    tags,
    summary: 'My sessions',
    description:
      'Where this account is signed in, last used first. Needs a session. Those of Supabase Auth are not among them.',
    response: {
      200: z.object({ data: z.array(sessionSchema).meta({ description: 'The sessions', example: [] }) }),
      ...problems,
    },
  },
  'DELETE /api/v1/me/sessions/:id': {
    tags,
    summary: 'End a session',
    description: 'Signs that browser out within a second. Needs a session.',
    params: idParams,
    response: { 204: done, ...problems },
  },
} as const
