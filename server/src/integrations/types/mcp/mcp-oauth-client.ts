import {
  type AuthorizationServerMetadata,
  type FetchLike,
  type OAuthClientInformationFull,
  registerClient,
  selectClientAuthMethod,
} from '@modelcontextprotocol/client'
import { z } from 'zod'
import { ConnectionFailed, type IntegrationType, type OAuthServer } from '../../integration-type.ts'

type OAuthConnection = Parameters<NonNullable<IntegrationType['oauth']>>[0]
type OAuthClient = Pick<OAuthServer, 'clientId' | 'clientSecret' | 'clientAuthentication' | 'credentials'>

/** The client that was registered for one connection, in its credentials as `oauth_client`. */
const keptClient = z.object({
  issuer: z.string(),
  redirect_uri: z.string(),
  client_id: z.string(),
  client_secret: z.string().optional(),
  client_secret_expires_at: z.number().optional(),
})

/**
 * Our client at an authorization server, in the order MCP wants: the one the user entered, the one registered before,
 * our client ID metadata document, dynamic registration.
 */
export async function findMcpClient(
  { settings, credentials, redirectUri, clientMetadataUrl }: OAuthConnection,
  metadata: AuthorizationServerMetadata,
  fetchFn: FetchLike,
): Promise<OAuthClient> {
  if (typeof settings.client_id === 'string' && settings.client_id !== '') {
    const { client_secret: secret } = credentials
    return withMethod(
      { client_id: settings.client_id, ...(typeof secret === 'string' && { client_secret: secret }) },
      metadata,
    )
  }
  const kept = keptClient.safeParse(credentials.oauth_client).data
  const isExpired =
    (kept?.client_secret_expires_at ?? 0) > 0 && (kept?.client_secret_expires_at ?? 0) * 1000 < Date.now()
  if (kept && kept.issuer === metadata.issuer && kept.redirect_uri === redirectUri && !isExpired) {
    return { ...withMethod(kept, metadata), credentials: { oauth_client: kept } }
  }
  if (clientMetadataUrl !== null && supportsMetadataDocuments(metadata)) {
    return { clientId: clientMetadataUrl, clientAuthentication: 'none' }
  }
  if (!metadata.registration_endpoint) {
    throw new ConnectionFailed(
      'refused',
      'This server does not let clients register by themselves. Enter a client id that its owner gave you.',
    )
  }
  const registered = await register(metadata, redirectUri, fetchFn)
  const { client_id, client_secret, client_secret_expires_at } = registered
  const client = keptClient.parse({
    issuer: metadata.issuer,
    redirect_uri: redirectUri,
    client_id,
    client_secret,
    client_secret_expires_at,
  })
  return { ...withMethod(registered, metadata), credentials: { oauth_client: JSON.parse(JSON.stringify(client)) } }
}

async function register(
  metadata: AuthorizationServerMetadata,
  redirectUri: string,
  fetchFn: FetchLike,
): Promise<OAuthClientInformationFull> {
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  const method = ['none', 'client_secret_basic', 'client_secret_post'].find((each) => methods.includes(each))
  try {
    const clientMetadata = { ...describeClient(redirectUri), token_endpoint_auth_method: method ?? 'none' }
    return await registerClient(metadata.issuer, { metadata, clientMetadata, fetchFn })
  } catch (error) {
    throw new ConnectionFailed(
      'refused',
      'The server did not let this client register. Enter a client id that its owner gave you.',
      error,
    )
  }
}

function withMethod(
  client: { client_id: string; client_secret?: string },
  metadata: AuthorizationServerMetadata,
): OAuthClient {
  return {
    clientId: client.client_id,
    ...(client.client_secret !== undefined && { clientSecret: client.client_secret }),
    clientAuthentication: selectClientAuthMethod(client, metadata.token_endpoint_auth_methods_supported ?? []),
  }
}

const supportsMetadataDocuments = (metadata: AuthorizationServerMetadata) =>
  'client_id_metadata_document_supported' in metadata && metadata.client_id_metadata_document_supported === true

/** What we say of ourselves when we register, in the words of RFC 7591; the client ID metadata document says the same. */
const describeClient = (redirectUri: string) => ({
  client_name: 'AgentExpress',
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
})
