import type { FetchMessageObject, MessageAddressObject, MessageStructureObject, SearchObject } from 'imapflow'
import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'
import type { Connection } from '../../integration-type.ts'
import { defaultMailbox, withMailbox } from './open-mailbox.ts'

export const maxFound = 50
const maxAddresses = 20
const words = z.string().max(200).optional()
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}/)
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .optional()

const searchInput = z.object({
  text: words,
  from: words,
  subject: words,
  since: day,
  before: day,
  unseen: z.boolean().optional(),
  mailbox: z.string().min(1).max(500).default(defaultMailbox),
  limit: z.number().int().min(1).max(maxFound).default(20),
})

/** The newest that fit, newest first. */
export async function searchEmails(input: unknown, connection: Connection) {
  const { mailbox, limit, ...asked } = searchInput.parse(input)
  return await withMailbox(connection, mailbox, async (client) => {
    const found = (await client.search(toQuery(asked), { uid: true })) || []
    // UIDs grow with each e-mail that arrives (RFC 9051, 2.3.1.1).
    const newest = found.toSorted((one, other) => other - one).slice(0, limit)
    const fields = { uid: true, envelope: true, flags: true, internalDate: true, size: true, bodyStructure: true }
    const messages = newest.length > 0 ? await client.fetchAll(newest, fields, { uid: true }) : []
    const emails = messages.toSorted((one, other) => other.uid - one.uid).map(toSummary)
    return { mailbox, found: found.length, emails }
  })
}

function toQuery({
  text,
  from,
  subject,
  since,
  before,
  unseen,
}: Omit<z.infer<typeof searchInput>, 'mailbox' | 'limit'>) {
  const query: SearchObject = {
    ...(text && { text }),
    ...(from && { from }),
    ...(subject && { subject }),
    ...(since && { since: since.slice(0, 10) }),
    ...(before && { before: before.slice(0, 10) }),
    ...(unseen && { seen: false }),
  }
  return Object.keys(query).length > 0 ? query : { all: true }
}

function toSummary(message: FetchMessageObject) {
  return {
    uid: message.uid,
    ...toHeader(message),
    is_unseen: !message.flags?.has('\\Seen'),
    attachments: listAttachments(message.bodyStructure).length,
    size: message.size ?? null,
  }
}

/** What the envelope says; strangers wrote it. */
export function toHeader({ envelope, internalDate }: FetchMessageObject) {
  const date = envelope?.date ?? internalDate
  const isDate = date !== undefined && !Number.isNaN(new Date(date).getTime())
  return {
    message_id: cleanToolText(envelope?.messageId ?? '', 998),
    subject: oneLine(envelope?.subject ?? '', 500),
    from: toAddresses(envelope?.from).join(', '),
    to: toAddresses(envelope?.to),
    date: isDate ? new Date(date).toISOString() : null,
  }
}

export function toAddresses(addresses: MessageAddressObject[] = []): string[] {
  return addresses.slice(0, maxAddresses).map(({ name, address }) => {
    const clean = oneLine(address ?? '', 320)
    return name ? `${oneLine(name, 200)} <${clean}>` : clean
  })
}

export function oneLine(text: string, maxLength: number): string {
  return cleanToolText(text.replace(/\s+/g, ' '), maxLength)
}

export interface MessagePart {
  part: string
  type: string
  name: string | null
  /** As it is sent, encoded. */
  size: number
  isAttached: boolean
}

/** Every part that holds something itself, in order. */
export function listParts(structure: MessageStructureObject | undefined): MessagePart[] {
  if (!structure) return []
  const children = structure.childNodes ?? []
  if (children.length > 0 && structure.type !== 'message/rfc822') return children.flatMap(listParts)
  const name = structure.dispositionParameters?.filename ?? structure.parameters?.name ?? null
  const type = String(structure.type ?? '').toLowerCase()
  return [
    {
      part: structure.part ?? '1',
      type,
      name: name && oneLine(String(name), 200),
      size: structure.size ?? 0,
      isAttached: structure.disposition === 'attachment' || !/^text\/(plain|html)$/.test(type),
    },
  ]
}

export const listAttachments = (structure: MessageStructureObject | undefined) =>
  listParts(structure).filter(({ isAttached }) => isAttached)
