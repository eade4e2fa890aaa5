import { z } from 'zod'
import type { Fault } from '../../../errors.ts'
import { askProvider, testCalls } from '../../ask-provider.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import {
  type Connection,
  type ConnectionForm,
  type IntegrationType,
  OAuthNotConfigured,
} from '../../integration-type.ts'
import { readTokens } from '../../stored-credentials.ts'
import { callGithub } from './call-github.ts'
import { getRepository } from './github-files.ts'
import { githubTools } from './github-tools.ts'
import { isRepositoryRule, listRepositories } from './repositories.ts'

const maxTested = 5

const documentation = `The agent works as you, and only in the repositories that you list here.

- **Token**: make a *fine-grained personal access token* at github.com/settings/personal-access-tokens, for these repositories alone, with the permissions below. Without the ones that write, the agent can only read. Organisations may have to approve it.
- **Sign in** (oauth): needs an app that the operator of this server registered at GitHub. An OAuth app gets the right \`repo\`, which is all of your repositories; a GitHub App only those where you installed it. In both cases the list here holds as well.

\`*\` in the list allows every repository that the token can see, public ones of strangers too.

**GitHub Enterprise Server**: enter the address of its API, such as \`https://github.example.com/api/v3\`, and a token. When it runs in a private network, the operator of this server allows its host in \`ALLOWED_PRIVATE_HOSTS\`.

Issues, comments and files are written by others: after reading them, whatever writes asks you first. When you remove the integration, a sign-in is taken back at GitHub; a token that you entered stays valid until you delete it there.`

const credentials: ConnectionForm = {
  type: 'object',
  properties: {
    token: {
      type: 'string',
      title: 'Token',
      format: 'password',
      description: 'Mostly it begins with github_pat_',
      maxLength: 500,
      shown_when: { field: 'authentication', is: ['token'] },
    },
  },
  required: ['token'],
}

function settingsForm(apiUrl: string): ConnectionForm {
  return {
    type: 'object',
    properties: {
      repositories: {
        type: 'array',
        title: 'Which repositories may it use?',
        description: 'owner/name, or * for all that the token can see',
        items: { type: 'string', title: 'Repository', maxLength: 201 },
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
      },
      authentication: {
        type: 'string',
        title: 'How does it sign in?',
        enum: ['token', 'oauth'],
        enum_titles: { token: 'With a personal access token', oauth: 'I sign in at GitHub, after saving' },
        default: 'token',
      },
      api_url: {
        type: 'string',
        title: 'Address of the API',
        format: 'uri',
        default: apiUrl,
        description: 'Another one only for GitHub Enterprise',
        maxLength: 500,
      },
    },
    required: ['repositories', 'authentication', 'api_url'],
  }
}

/** The addresses are GitHub's own, but in tests. */
export function createGithubType({
  apiUrl = 'https://api.github.com',
  webUrl = 'https://github.com',
}: {
  apiUrl?: string
  webUrl?: string
} = {}): IntegrationType {
  return {
    type: 'github',
    title: 'GitHub',
    description: 'Lets an agent work with issues, pull requests and files of your repositories.',
    icon: 'brand-github',
    documentation,
    settings: settingsForm(apiUrl),
    credentials,
    destination: ['api_url'],
    scopes: [
      { name: 'Metadata: read', reason: 'Every token has it' },
      { name: 'Issues: read and write', reason: 'To read, create, comment on and change issues' },
      { name: 'Pull requests: read and write', reason: 'To read, create and comment on pull requests' },
      { name: 'Contents: read and write', reason: 'To read and search files, and to change them on branches' },
      { name: 'repo', reason: 'All of this, when you sign in with an OAuth app' },
    ],
    usesOperatorClient: true,
    asksForOAuth: ({ authentication }) => authentication === 'oauth',
    async oauth({ settings, operatorClient }) {
      if (settings.authentication !== 'oauth') return null
      if (!operatorClient) throw new OAuthNotConfigured()
      return {
        ...operatorClient,
        authorizationEndpoint: `${webUrl}/login/oauth/authorize`,
        tokenEndpoint: `${webUrl}/login/oauth/access_token`,
        clientAuthentication: 'client_secret_post',
        scopes: ['repo'],
      }
    },
    check({ settings, credentials }) {
      const faults: Fault[] = ((settings.repositories ?? []) as string[]).flatMap((line, at) =>
        isRepositoryRule(line)
          ? []
          : [{ path: `/settings/repositories/${at}`, message: 'Must be owner/name, or * for all.' }],
      )
      if (settings.api_url !== apiUrl)
        faults.push(...checkEnterprise(String(settings.api_url), settings.authentication))
      if (!/^[\x21-\x7e]*$/.test(String(credentials.token ?? '')))
        faults.push({ path: '/credentials/token', message: 'Has characters that no token has.' })
      return faults
    },
    test: (connection) => testCalls(() => testGithub(connection)),
    tools: githubTools,
    revoke: (connection) => revoke(connection, apiUrl),
  }
}

function checkEnterprise(text: string, authentication: unknown): Fault[] {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain = url?.protocol === 'https:' && !url.username && !url.password && !url.search && !url.hash
  if (!isPlain) return [{ path: '/settings/api_url', message: 'Must be like https://github.example.com/api/v3.' }]
  // The operator's client belongs to github.com: its secret and the tokens must not go to a server that a user names.
  return authentication === 'oauth'
    ? [{ path: '/settings/authentication', message: 'GitHub Enterprise is connected with a token.' }]
    : []
}

async function testGithub(connection: Connection) {
  const github = { connection, apiUrl: String(connection.settings.api_url).replace(/\/+$/, '') }
  const { answer } = await callGithub(github, '/user', z.object({ login: z.string() }))
  const repositories = listRepositories(connection.settings)
  const tested = repositories.slice(0, maxTested)
  await Promise.all(tested.map((name) => getRepository(github, name)))
  const seen =
    tested.length > 0 ? ` It can see ${tested.join(', ')}${repositories.length > maxTested ? ' …' : ''}.` : ''
  return { message: `Signed in as ${cleanToolText(answer.login, 100)}.${seen}` }
}

/** https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token */
async function revoke(connection: Connection, apiUrl: string): Promise<boolean | null> {
  const tokens = readTokens(connection.credentials)
  // A token that its owner entered was not given to us, and may serve others.
  if (!tokens) return null
  const { client_id, client_secret = '', access_token } = tokens
  const { status } = await askProvider(
    connection,
    new URL(`${apiUrl}/applications/${encodeURIComponent(client_id)}/token`),
    {
      method: 'DELETE',
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ access_token }),
    },
  )
  return status === 204
}
