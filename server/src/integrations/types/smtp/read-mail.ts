import { z } from 'zod'
import type { Settings } from '../../../agents/capabilities.ts'
import {
  hasControlCharacters,
  isRecipientAllowed,
  type MailAddress,
  type RecipientRule,
  readMailAddress,
  readRecipientRule,
} from './mail-address.ts'

export const maxRecipients = 20
export const maxSubjectLength = 500
export const maxTextLength = 100_000
export const maxHtmlLength = 300_000

const addresses = z.array(z.string()).optional()
const mailInput = z.object({
  to: z.array(z.string()),
  cc: addresses,
  bcc: addresses,
  subject: z.string(),
  text: z.string(),
  html: z.string().optional(),
  in_reply_to: z.string().optional(),
  reply_to: z.string().optional(),
})

export interface Mail {
  to: MailAddress[]
  cc: MailAddress[]
  bcc: MailAddress[]
  subject: string
  text: string
  html?: string
  inReplyTo?: string
  replyTo?: MailAddress
}

/** What the model wants to send, checked. Throws what is wrong in words that the model can act on. */
export function readMail(input: unknown, settings: Settings): Mail {
  const given = mailInput.parse(input)
  const rules = recipientRules(settings)
  const seen = new Set<string>()
  // Each address once, where it is first named.
  const read = (texts: string[] = []) =>
    texts.map((text) => readRecipient(text, rules)).filter(({ address }) => seen.size < seen.add(address).size)
  const mail: Mail = {
    to: read(given.to),
    cc: read(given.cc),
    bcc: read(given.bcc),
    subject: readSubject(given.subject),
    text: readBody('text', given.text, maxTextLength),
  }
  if (seen.size === 0) throw new Error('Name at least one recipient in `to`.')
  if (seen.size > maxRecipients)
    throw new Error(`One e-mail goes to at most ${maxRecipients} addresses, not ${seen.size}.`)
  if (given.html) mail.html = readBody('html', given.html, maxHtmlLength)
  if (given.in_reply_to) mail.inReplyTo = readMessageId(given.in_reply_to)
  if (given.reply_to) mail.replyTo = readReplyTo(given.reply_to, rules, settings)
  return mail
}

export function recipientRules(settings: Settings): RecipientRule[] {
  const lines = (settings.allowed_recipients ?? []) as string[]
  const rules = lines.map(readRecipientRule).filter((rule) => rule !== null)
  // A list without one line that can be read must not become the empty list, which allows everybody.
  return lines.length > 0 && rules.length === 0 ? [{ address: '' }] : rules
}

function readRecipient(text: string, rules: readonly RecipientRule[]): MailAddress {
  const address = readMailAddress(text)
  if (!address)
    throw new Error(`${JSON.stringify(text.slice(0, 100))} is not one e-mail address such as anna@example.com.`)
  if (!isRecipientAllowed(address, rules))
    throw new Error(`The owner does not allow e-mails to ${address.address} with this connection.`)
  return address
}

/** Where answers go is as much a recipient as the others. */
function readReplyTo(text: string, rules: readonly RecipientRule[], settings: Settings): MailAddress {
  const own = String(settings.from_address).toLowerCase()
  return readMailAddress(text)?.address.toLowerCase() === own ? readRecipient(text, []) : readRecipient(text, rules)
}

function readSubject(text: string): string {
  const subject = text.trim()
  if (subject === '') throw new Error('The subject is empty.')
  if (subject.length > maxSubjectLength) throw new Error(`The subject is longer than ${maxSubjectLength} characters.`)
  if (hasControlCharacters(subject)) throw new Error('The subject must be one line without control characters.')
  return subject.toWellFormed()
}

function readBody(name: string, text: string, maxLength: number): string {
  if (text.length > maxLength)
    throw new Error(`\`${name}\` is longer than ${maxLength.toLocaleString('en')} characters.`)
  return text.replaceAll('\0', '').toWellFormed()
}

function readMessageId(text: string): string {
  const id = text.trim()
  if (!/^<[\x21-\x3b\x3d\x3f-\x7e]{3,900}>$/.test(id))
    throw new Error('`in_reply_to` must be the Message-ID of one e-mail, such as <id@example.com>.')
  return id
}

/** What will be sent, in one line, for whoever approves it; also of input that would be refused. */
export function describeMail(input: unknown): string {
  const { to = [], cc = [], bcc = [], subject = '', reply_to } = mailInput.partial().safeParse(input).data ?? {}
  const everybody = [...to, ...cc, ...bcc].map((text) => oneLine(readMailAddress(text)?.address ?? text, 254))
  const named = everybody.slice(0, 5).join(', ')
  const more = everybody.length > 5 ? ` and ${everybody.length - 5} more` : ''
  const replies = reply_to ? `, answers to ${oneLine(readMailAddress(reply_to)?.address ?? reply_to, 254)}` : ''
  return `Send "${oneLine(subject, 100)}" to ${named || 'nobody'}${more}${replies}`
}

function oneLine(text: string, maxLength: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1).toWellFormed()}…`
}
