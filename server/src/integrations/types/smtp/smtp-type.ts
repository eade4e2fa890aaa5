import type { IntegrationType } from '../../integration-type.ts'
import { hasControlCharacters, readRecipientRule } from './mail-address.ts'
import { describeMail, maxHtmlLength, maxRecipients, maxSubjectLength, maxTextLength, readMail } from './read-mail.ts'
import { sendMail, verifyServer } from './send-mail.ts'

const addressList = (description: string) =>
  ({
    type: 'array',
    description,
    items: { type: 'string', description: 'anna@example.com, or Anna Smith <anna@example.com>' },
    maxItems: maxRecipients,
  }) as const

export const smtpType: IntegrationType = {
  type: 'smtp',
  title: 'E-mail: send',
  description: 'Lets an agent send e-mails from your address, over your mail server.',
  icon: 'mail-forward',
  documentation: `Your provider calls this "outgoing mail" or SMTP. Usual ports: **587** with starttls, **465** with tls. The certificate of the server is checked.

**Password**: providers with two-step sign-in (Gmail, iCloud, Yahoo, Fastmail) want an *app password*, made in the security settings of your account, instead of your own. Microsoft 365 takes it only where the administrator switched on authenticated SMTP.

**From** is always the address you enter here; an agent cannot send as anybody else. Each e-mail asks you first, until you decide otherwise for this tool.

**Allowed recipients** limits whom the agent can write to: addresses (\`anna@example.com\`) or whole domains (\`example.com\`, without those below it). An empty list allows everybody. Where answers go (Reply-To) is limited in the same way.

*Not encrypted* works only with servers in a private network that the operator of this server allowed.`,
  settings: {
    type: 'object',
    properties: {
      host: { type: 'string', title: 'Server', description: 'Such as smtp.example.com', maxLength: 260 },
      port: { type: 'integer', title: 'Port', default: 587, minimum: 1, maximum: 65_535 },
      security: {
        type: 'string',
        title: 'Encryption',
        enum: ['starttls', 'tls', 'none'],
        enum_titles: {
          starttls: 'Encrypted after the first words (STARTTLS, port 587)',
          tls: 'Encrypted from the start (TLS, port 465)',
          none: 'Not encrypted',
        },
        default: 'starttls',
      },
      user: {
        type: 'string',
        title: 'User name',
        description: 'Mostly your e-mail address. Left empty: without signing in.',
        maxLength: 320,
      },
      from_address: { type: 'string', title: 'Your e-mail address', format: 'email', maxLength: 254 },
      from_name: { type: 'string', title: 'Your name', description: 'As recipients see it', maxLength: 100 },
      allowed_recipients: {
        type: 'array',
        title: 'Whom may it write to?',
        description: 'Addresses or domains. Empty: everybody.',
        items: { type: 'string', title: 'Address or domain', maxLength: 320 },
        maxItems: 100,
        uniqueItems: true,
      },
    },
    required: ['host', 'port', 'from_address'],
  },
  credentials: {
    type: 'object',
    properties: { password: { type: 'string', title: 'Password', format: 'password', maxLength: 1000 } },
    required: [],
  },
  destination: ['host', 'port'],
  scopes: [{ name: 'SMTP', reason: 'Sending e-mails as you' }],
  check({ settings, credentials }) {
    const faults = []
    const hasUser = String(settings.user ?? '').trim() !== ''
    if (hasUser && !credentials.password)
      faults.push({ path: '/credentials/password', message: 'Please fill this in.' })
    if (!hasUser && credentials.password)
      faults.push({ path: '/settings/user', message: 'A password needs the user it belongs to.' })
    for (const name of ['host', 'user', 'from_name'])
      if (hasControlCharacters(String(settings[name] ?? '')))
        faults.push({ path: `/settings/${name}`, message: 'Has characters that cannot be there.' })
    if (hasControlCharacters(String(credentials.password ?? '')))
      faults.push({ path: '/credentials/password', message: 'Has characters that cannot be in a password.' })
    for (const [index, line] of ((settings.allowed_recipients ?? []) as string[]).entries())
      if (!readRecipientRule(line))
        faults.push({
          path: `/settings/allowed_recipients/${index}`,
          message: 'Must be an address such as anna@example.com or a domain such as example.com.',
        })
    return faults
  },
  async test(connection) {
    const { user, host } = connection.settings
    await verifyServer(connection)
    return {
      message: user ? `Signed in at ${host} as ${user}. No e-mail was sent.` : `${host} answers. No e-mail was sent.`,
    }
  },
  tools: [
    {
      name: 'send_email',
      title: 'Send an e-mail',
      description: `Sends one e-mail from the owner's address to at most ${maxRecipients} recipients together, and gives back its Message-ID. To answer an e-mail, give its Message-ID as in_reply_to and its subject with "Re: ".`,
      inputSchema: {
        type: 'object',
        properties: {
          to: addressList('Recipients'),
          cc: addressList('Recipients of a copy that everybody sees'),
          bcc: addressList('Recipients of a copy that nobody else sees'),
          subject: { type: 'string', minLength: 1, maxLength: maxSubjectLength },
          text: { type: 'string', description: 'The e-mail as plain text', maxLength: maxTextLength },
          html: {
            type: 'string',
            description: 'The same as HTML; only where the layout matters',
            maxLength: maxHtmlLength,
          },
          in_reply_to: {
            type: 'string',
            description: 'Message-ID of the e-mail that this one answers: <id@example.com>',
          },
          reply_to: { type: 'string', description: 'Where answers shall go, if not to the sender' },
        },
        required: ['to', 'subject', 'text'],
        additionalProperties: false,
      },
      outputSchema: {
        type: 'object',
        properties: {
          message_id: { type: 'string' },
          accepted: { type: 'array', items: { type: 'string' } },
          rejected: {
            type: 'array',
            items: { type: 'object', properties: { address: { type: 'string' }, reason: { type: 'string' } } },
          },
        },
      },
      effect: 'writes',
      isUntrusted: false,
      describeCall: describeMail,
      execute: async (input, connection) => sendMail(connection, readMail(input, connection.settings)),
    },
  ],
}
