import { z } from 'zod'
import { testCalls } from '../../ask-provider.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { type ConnectionForm, type IntegrationType, OAuthNotConfigured } from '../../integration-type.ts'
import { readTokens } from '../../stored-credentials.ts'
import { callSlack } from './call-slack.ts'
import { scopesFor, slackScopes } from './slack-scopes.ts'
import { slackTools } from './slack-tools.ts'

const documentation = `The agent reads and posts as an app of your workspace, and only in channels that invited it: type \`/invite @name-of-the-app\` there.

- **Sign in** (oauth): Slack asks you which workspace, and shows the rights. It needs an app that the operator of this server registered.
- **Bot token**: make an app at api.slack.com/apps, add the rights below under *OAuth & Permissions → Bot Token Scopes*, install it in your workspace and copy the *Bot User OAuth Token* (\`xoxb-…\`). A right that you leave out only takes away the tools that need it.

Messages in direct conversations are out of reach. The agent cannot call a whole channel (\`@channel\`, \`@here\`), and links that it posts are not unfolded. Slack lets apps that are sold outside its directory read only few messages a minute; an app that you made for your own workspace is not limited like that.

When you remove the integration, a sign-in is taken back at Slack. A bot token that you entered stays valid: it may serve others. Revoke it in the settings of the app.`

const settings: ConnectionForm = {
  type: 'object',
  properties: {
    authentication: {
      type: 'string',
      title: 'How does it sign in?',
      enum: ['bot_token', 'oauth'],
      enum_titles: { bot_token: 'With a token of an app of yours', oauth: 'I sign in at Slack, after saving' },
      default: 'bot_token',
    },
    private_channels: {
      type: 'boolean',
      title: 'Also private channels?',
      default: false,
      description: 'Those that invited the app. It needs two more rights; after a change, sign in or install anew.',
    },
  },
  required: ['authentication'],
}

const credentials: ConnectionForm = {
  type: 'object',
  properties: {
    bot_token: {
      type: 'string',
      title: 'Bot token',
      format: 'password',
      description: 'It begins with xoxb-',
      maxLength: 500,
      shown_when: { field: 'authentication', is: ['bot_token'] },
    },
  },
  required: ['bot_token'],
}

const identitySchema = z.object({ team: z.string(), user: z.string() })

/** The addresses are Slack's own, but in tests. */
export function createSlackType({
  baseUrl = 'https://slack.com/api',
  authorizeUrl = 'https://slack.com/oauth/v2/authorize',
}: {
  baseUrl?: string
  authorizeUrl?: string
} = {}): IntegrationType {
  return {
    type: 'slack',
    title: 'Slack',
    description: 'Lets an agent read channels, post messages and exchange files in your workspace.',
    icon: 'brand-slack',
    documentation,
    settings,
    credentials,
    destination: [],
    scopes: slackScopes,
    usesOperatorClient: true,
    asksForOAuth: ({ authentication }) => authentication === 'oauth',
    async oauth({ settings, operatorClient }) {
      if (settings.authentication !== 'oauth') return null
      if (!operatorClient) throw new OAuthNotConfigured()
      return {
        ...operatorClient,
        authorizationEndpoint: authorizeUrl,
        tokenEndpoint: `${baseUrl}/oauth.v2.access`,
        // Slack separates them by commas, where RFC 6749 has blanks.
        scopes: [scopesFor(settings).join(',')],
      }
    },
    check({ credentials }) {
      const { bot_token } = credentials
      if (bot_token === undefined || /^(xoxe\.)?xoxb-[\w-]+$/.test(String(bot_token))) return []
      return [{ path: '/credentials/bot_token', message: 'Must be a bot token: it begins with xoxb-.' }]
    },
    async test(connection) {
      return await testCalls(async () => {
        const { answer, headers } = await callSlack({ connection, baseUrl }, 'auth.test', {}, identitySchema)
        const granted = headers
          .get('x-oauth-scopes')
          ?.split(',')
          .map((name) => name.trim())
        const missing = granted ? scopesFor(connection.settings).filter((name) => !granted.includes(name)) : []
        const note = missing.length > 0 ? ` Without the rights ${missing.join(', ')} some tools will not work.` : ''
        return {
          message: `Signed in to ${cleanToolText(answer.team, 100)} as ${cleanToolText(answer.user, 100)}.${note}`,
        }
      })
    },
    tools: slackTools(baseUrl),
    async revoke(connection) {
      // A token that its owner entered was not given to us, and may serve others.
      if (!readTokens(connection.credentials)) return null
      const { answer } = await callSlack({ connection, baseUrl }, 'auth.revoke', {}, z.object({ revoked: z.boolean() }))
      return answer.revoked
    },
  }
}
