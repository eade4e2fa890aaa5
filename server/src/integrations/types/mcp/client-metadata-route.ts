import { z } from 'zod'
import type { App } from '../../../http/app-types.ts'

const path = '/oauth/client-metadata.json'

const documentSchema = z.object({
  client_id: z.string().meta({ description: 'The address of this document' }),
  client_name: z.string().meta({ description: 'What people see when they sign in' }),
  client_uri: z.string().meta({ description: 'This server' }),
  redirect_uris: z.array(z.string()).meta({ description: 'Where sign-ins come back to' }),
  grant_types: z.array(z.string()).meta({ description: 'What the client does' }),
  response_types: z.array(z.string()).meta({ description: 'What the client asks for' }),
  token_endpoint_auth_method: z.string().meta({ description: 'Always `none`: a public client' }),
})

/** The address of our client ID metadata document; null where authorization servers could not read it. */
export function clientMetadataUrl(publicUrl: string | undefined): string | null {
  return publicUrl?.startsWith('https://') ? publicUrl + path : null
}

/** What we say of ourselves to authorization servers, in the words of RFC 7591. */
export function describeClient(redirectUri: string) {
  return {
    client_name: 'AgentExpress',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
}

/** The client ID metadata document, by which authorization servers know us without any registration. */
export function addClientMetadataRoute(
  app: App,
  { publicUrl, redirectUri }: { publicUrl: string | undefined; redirectUri: string },
): void {
  const url = clientMetadataUrl(publicUrl)
  if (url === null || publicUrl === undefined) return
  const schema = {
    tags: ['Integrations'],
    summary: 'OAuth client ID metadata document',
    response: { 200: documentSchema },
  }
  app.get(path, { schema, config: { access: 'public' } }, (_request, reply) => {
    reply.header('cache-control', 'public, max-age=3600')
    return { client_id: url, client_uri: publicUrl, ...describeClient(redirectUri) }
  })
}
