import type { JSONSchema7 } from '@ai-sdk/provider'
import type { Connection, IntegrationType } from '../../integration-type.ts'
import { defaultMailbox, withClient, withMailbox } from './open-mailbox.ts'
import { readEmail } from './read-email.ts'
import { maxFound, oneLine, searchEmails } from './search-emails.ts'

const maxMailboxes = 200
const mailbox: JSONSchema7 = {
  type: 'string',
  description: 'Path of the mailbox as list_mailboxes gives it; left out: INBOX',
  maxLength: 500,
}

export const imapType: IntegrationType = {
  type: 'imap',
  title: 'E-mail: read',
  description: 'Lets an agent search and read your e-mails, without changing anything.',
  icon: 'mail-opened',
  documentation: `Your provider calls this "incoming mail" or IMAP. Usual ports: **993** with tls, **143** with starttls. The certificate of the server is checked. With some providers IMAP has to be switched on in the settings of the mailbox first.

**Password**: providers with two-step sign-in (Gmail, iCloud, Yahoo, Fastmail) want an *app password*, made in the security settings of your account, instead of your own.

The agent **only reads**: mailboxes are opened read-only, nothing is marked as seen, moved or deleted. Of attachments it sees name, type and size.

What e-mails say was written by strangers. After reading one, each tool that changes something asks you first, also those you set to *always*.

*Not encrypted* works only with servers in a private network that the operator of this server allowed.`,
  settings: {
    type: 'object',
    properties: {
      host: { type: 'string', title: 'Server', description: 'Such as imap.example.com', maxLength: 260 },
      port: { type: 'integer', title: 'Port', default: 993, minimum: 1, maximum: 65_535 },
      security: {
        type: 'string',
        title: 'Encryption',
        enum: ['tls', 'starttls', 'none'],
        enum_titles: {
          tls: 'Encrypted from the start (TLS, port 993)',
          starttls: 'Encrypted after the first words (STARTTLS, port 143)',
          none: 'Not encrypted',
        },
        default: 'tls',
      },
      user: { type: 'string', title: 'User name', description: 'Mostly your e-mail address', maxLength: 320 },
    },
    required: ['host', 'port', 'user'],
  },
  credentials: {
    type: 'object',
    properties: { password: { type: 'string', title: 'Password', format: 'password', maxLength: 1000 } },
    required: ['password'],
  },
  destination: ['host', 'port'],
  scopes: [{ name: 'IMAP', reason: 'Reading your mailboxes' }],
  check({ settings, credentials }) {
    const entries = [
      ['/settings/host', settings.host],
      ['/settings/user', settings.user],
      ['/credentials/password', credentials.password],
    ] as const
    return entries
      .filter(([, value]) => /\p{Cc}/u.test(String(value ?? '')))
      .map(([path]) => ({ path, message: 'Has characters that cannot be there.' }))
  },
  async test(connection) {
    const count = await withMailbox(connection, defaultMailbox, async (client) =>
      client.mailbox ? client.mailbox.exists : 0,
    )
    const { user, host } = connection.settings
    return { message: `Signed in at ${host} as ${user}: ${count} e-mails in the inbox.` }
  },
  tools: [
    {
      name: 'search_emails',
      title: 'Search e-mails',
      description: `Finds e-mails of one mailbox, newest first. Every condition that is given has to hold; without any, the newest. Gives back uid, sender, subject and date; read_email gives the text.`,
      inputSchema: {
        type: 'object',
        properties: {
          text: { type: 'string', description: 'Words anywhere in the e-mail', maxLength: 200 },
          from: { type: 'string', description: 'Part of name or address of the sender', maxLength: 200 },
          subject: { type: 'string', description: 'Part of the subject', maxLength: 200 },
          since: { type: 'string', description: 'First day, such as 2027-03-01' },
          before: { type: 'string', description: 'The day after the last one' },
          unseen: { type: 'boolean', description: 'Only what was not read yet' },
          mailbox,
          limit: { type: 'integer', minimum: 1, maximum: maxFound, default: 20 },
        },
        additionalProperties: false,
      },
      effect: 'reads',
      isUntrusted: true,
      execute: async (input, connection) => searchEmails(input, connection),
    },
    {
      name: 'read_email',
      title: 'Read an e-mail',
      description: 'Gives back one e-mail with its text; of attachments name, type and size.',
      inputSchema: {
        type: 'object',
        properties: { uid: { type: 'integer', minimum: 1, description: 'uid of search_emails' }, mailbox },
        required: ['uid'],
        additionalProperties: false,
      },
      effect: 'reads',
      isUntrusted: true,
      execute: async (input, connection) => readEmail(input, connection),
    },
    {
      name: 'list_mailboxes',
      title: 'List mailboxes',
      description: 'Gives back the mailboxes (folders) of the account.',
      inputSchema: { type: 'object', properties: {}, additionalProperties: false },
      effect: 'reads',
      isUntrusted: true,
      execute: async (_input, connection) => listMailboxes(connection),
    },
  ],
}

async function listMailboxes(connection: Connection) {
  const all = await withClient(connection, (client) => client.list({ listOnly: true }))
  const usable = all.filter(({ flags }) => !flags.has('\\Noselect') && !flags.has('\\NonExistent'))
  return {
    mailboxes: usable.slice(0, maxMailboxes).map(({ path, specialUse }) => ({
      path: oneLine(path, 500),
      ...(specialUse && { use: specialUse.replace('\\', '').toLowerCase() }),
    })),
    is_cut: usable.length > maxMailboxes,
  }
}
