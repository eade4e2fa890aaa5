import type { ImapFlow } from 'imapflow'
import { z } from 'zod'
import { cutAt, readHtml } from '../../../runtime/tools/read-html.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import type { Connection } from '../../integration-type.ts'
import { defaultMailbox, withMailbox } from './open-mailbox.ts'
import { listAttachments, listParts, toAddresses, toHeader } from './search-emails.ts'

const maxTextChars = 50_000
const maxPartBytes = 1024 * 1024
const maxAttachments = 50

const readInput = z.object({
  uid: z.number().int().min(1).max(4_294_967_295),
  mailbox: z.string().min(1).max(500).default(defaultMailbox),
})

export async function readEmail(input: unknown, connection: Connection) {
  const { uid, mailbox } = readInput.parse(input)
  return await withMailbox(connection, mailbox, async (client) => {
    const fields = { uid: true, envelope: true, flags: true, internalDate: true, bodyStructure: true }
    const message = await client.fetchOne(String(uid), fields, { uid: true })
    if (!message) return { mailbox, uid, error: 'There is no e-mail with this uid in this mailbox.' }
    const texts = listParts(message.bodyStructure).filter(({ isAttached }) => !isAttached)
    const { text, isCut } = await readText(client, uid, texts)
    return {
      mailbox,
      uid,
      ...toHeader(message),
      cc: toAddresses(message.envelope?.cc),
      reply_to: toAddresses(message.envelope?.replyTo),
      in_reply_to: cleanToolText(message.envelope?.inReplyTo ?? '', 998),
      is_unseen: !message.flags?.has('\\Seen'),
      text,
      is_cut: isCut,
      attachments: listAttachments(message.bodyStructure)
        .slice(0, maxAttachments)
        .map(({ name, type, size }) => ({ name, type, size })),
    }
  })
}

/** The plain text; where there is none, the text of the HTML as people see it. */
async function readText(client: ImapFlow, uid: number, parts: { part: string; type: string }[]) {
  for (const type of ['text/plain', 'text/html']) {
    const chosen = parts.filter((one) => one.type === type).slice(0, 10)
    const texts: string[] = []
    let isCut = false
    for (const { part } of chosen) {
      const body = await download(client, uid, part)
      const page = type === 'text/html' ? readHtml(body.text, maxTextChars) : { text: body.text, isCut: false }
      isCut ||= body.isCut || page.isCut
      texts.push(page.text)
    }
    const text = cleanToolText(texts.join('\n\n'), maxTextChars * 2)
    if (text !== '') return { text: cutAt(text, maxTextChars), isCut: isCut || text.length > maxTextChars }
  }
  return { text: '', isCut: false }
}

async function download(client: ImapFlow, uid: number, part: string): Promise<{ text: string; isCut: boolean }> {
  const { content } = await client.download(String(uid), part, { uid: true, maxBytes: maxPartBytes })
  if (!content) return { text: '', isCut: false }
  const bytes = Buffer.concat((await Array.fromAsync(content as AsyncIterable<Uint8Array>)) as Uint8Array[])
  return { text: bytes.toString('utf8'), isCut: bytes.length >= maxPartBytes }
}
