import { ConnectionFailed } from '../../integration-type.ts'

const credentials: Record<string, string> = {
  invalid_auth: 'Slack does not accept the token.',
  not_authed: 'Slack got no token.',
  account_inactive: 'The token belongs to an app or workspace that is not there any more.',
  token_revoked: 'The token was taken back, or the app was removed from the workspace.',
  token_expired: 'The token has ended.',
  invalid_refresh_token: 'Slack does not renew the token.',
}

const refusals: Record<string, string> = {
  not_in_channel: 'The app is not in this channel. Invite the app to the channel: /invite @name-of-the-app there.',
  channel_not_found: 'There is no such channel, or the app may not see it: a private channel has to invite it first.',
  is_archived: 'The channel is archived.',
  method_not_supported_for_channel_type: 'This does not work in this kind of channel.',
  thread_not_found: 'There is no such thread: give the ts of its first message.',
  message_not_found: 'There is no such message.',
  no_text: 'The message is empty.',
  msg_too_long: 'The message is too long.',
  restricted_action: 'The workspace does not let the app post here.',
  restricted_action_read_only_channel: 'Nobody but its owners can post in this channel.',
  restricted_action_thread_only_channel: 'In this channel the app can only answer in threads.',
  rate_limited: 'The channel gets too many messages from the app. Wait a moment.',
  file_not_found: 'There is no such file, or the app may not see it.',
  file_deleted: 'The file was deleted.',
  file_uploads_disabled: 'The workspace does not allow files.',
  storage_limit_reached: 'The workspace has no room for more files.',
  invalid_cursor: 'This cursor is not valid any more: begin without one.',
  invalid_ts_oldest: 'The time is not valid.',
  user_not_found: 'There is no such user.',
  no_permission: 'The app is not allowed to do this in the workspace.',
  access_denied: 'The app is not allowed to do this in the workspace.',
  ekm_access_denied: 'The administrators of the workspace have suspended posting.',
  team_access_not_granted: 'The app is not installed in this workspace.',
  enterprise_is_restricted: 'The organisation does not allow this.',
}

const outages = ['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org']

/** What `error` of a body with `ok: false` means. The codes are Slack's, one list for each method. */
export function explainSlackError(code: string, { needed }: { needed?: string | undefined } = {}): Error {
  const lost = credentials[code]
  if (lost !== undefined) return new ConnectionFailed('credentials', `${lost} (${code})`)
  if (outages.includes(code)) return new ConnectionFailed('unreachable', `Slack has a failure (${code}).`)
  if (code === 'missing_scope') {
    const rights = /^[\w:., -]{1,200}$/.test(needed ?? '') ? `: ${needed}` : ''
    return new Error(
      `The app lacks a right${rights}. Its owner adds it under "OAuth & Permissions" and installs the app anew, or signs in again.`,
    )
  }
  const said = refusals[code]
  const name = /^\w{1,80}$/.test(code) ? code : 'unknown error'
  return new Error(said === undefined ? `Slack refused: ${name}.` : `${said} (${name})`)
}
