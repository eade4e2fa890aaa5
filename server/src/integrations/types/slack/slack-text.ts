import { cleanToolText } from '../../clean-tool-text.ts'

const maxChars = 8000

/** Slack's own way of writing, https://docs.slack.dev/messaging/formatting-message-text, as people read it. */
export function readSlackText(text: string, names: ReadonlyMap<string, string>): string {
  const plain = text
    .replace(/<([^<>]{1,3000})>/g, (_whole, inside: string) => readReference(inside, names))
    .replace(/&(lt|gt|amp);/g, (_whole, name: string) => ({ lt: '<', gt: '>', amp: '&' })[name] ?? '')
  return cleanToolText(plain, maxChars)
}

function readReference(inside: string, names: ReadonlyMap<string, string>): string {
  const [target = '', label] = inside.split('|', 2)
  const id = target.slice(1)
  if (target.startsWith('@')) return `@${label ?? names.get(id) ?? id}`
  if (target.startsWith('#')) return `#${label || id}`
  if (target.startsWith('!')) return label ?? `@${id.split('^')[0]}`
  const address = target.replace(/^mailto:/, '')
  return label === undefined || label === address ? address : `${label} (${address})`
}

/** Ids of the users that a text mentions. */
export const mentionedUsers = (text: string): string[] =>
  [...text.matchAll(/<@([UW][A-Z0-9]+)/g)].map(([, id]) => id ?? '')

/**
 * Text to send. Everything special is written out but mentions of single users: `<!channel>` calls everybody, and a link
 * with a label can hide where it leads.
 */
export function writeSlackText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/&lt;@([UW][A-Z0-9]{5,20})&gt;/g, '<@$1>')
}
