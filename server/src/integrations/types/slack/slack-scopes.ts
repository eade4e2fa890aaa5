import type { Settings } from '../../../agents/capabilities.ts'

const always = [
  { name: 'channels:read', reason: 'To list public channels' },
  { name: 'channels:history', reason: 'To read messages in public channels that the app is in' },
  { name: 'chat:write', reason: 'To post in channels that the app is in' },
  { name: 'files:read', reason: 'To read files in these channels' },
  { name: 'files:write', reason: 'To upload files' },
  { name: 'users:read', reason: 'To show names instead of ids' },
]
const forPrivate = [
  { name: 'groups:read', reason: 'Only with private channels: to list those that invited the app' },
  { name: 'groups:history', reason: 'Only with private channels: to read them' },
]

export const slackScopes = [...always, ...forPrivate]

export function scopesFor(settings: Settings): string[] {
  return (settings.private_channels === true ? slackScopes : always).map(({ name }) => name)
}
