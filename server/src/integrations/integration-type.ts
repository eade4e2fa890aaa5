import type { JSONSchema7 } from '@ai-sdk/provider'
import type { Settings, SettingsSchema } from '../agents/capabilities.ts'
import type { JsonValue } from '../crypto/seal-secret.ts'
import type { Fault } from '../errors.ts'
import type { UrlGuard } from '../url-guard/url-guard.ts'

/**
 * A kind of account or server that users can connect. One folder in `types/` each; `docs/integrations.md` shows how to
 * add one.
 */
export interface IntegrationType {
  /** What `integrations.type` holds: lower case with underscores. */
  type: string
  title: string
  /** One sentence for people who choose what to connect. */
  description: string
  /** Name of a Tabler icon, such as `mail`. */
  icon: string
  /** Markdown beside the form: where to find the credentials, which rights they need, what the agent can do then. */
  documentation: string
  /** What is stored encrypted and never shown again. */
  credentials: ConnectionForm
  /** What is stored in the clear and can be read back. */
  settings: ConnectionForm
  /** Names of the settings that decide where credentials are sent: when one changes, they have to be entered again. */
  destination: readonly string[]
  /** The least rights an account needs, and what each is for. */
  scopes: { name: string; reason: string }[]
  /** Faults that a form alone cannot see; paths begin with `/settings` or `/credentials`. */
  check?(input: { settings: Settings; credentials: Credentials }): Fault[]
  /** Credentials that are made for the owner when left out, such as a signing secret; shown once. */
  makeCredentials?(entered: { settings: Settings; credentials: Credentials }): Credentials
  /** Whether these settings ask for signing in; left out, all do where there is `oauth`. Asks nobody. */
  asksForOAuth?(settings: Settings): boolean
  /** Signing in needs a client that the operator registers at the provider (`OAUTH_<TYPE>_CLIENT_ID`). */
  usesOperatorClient?: boolean
  /**
   * Present where the account can be connected by signing in there; null when these settings do not ask for it. Throws
   * `OAuthNotConfigured` when the operator's client is needed and missing.
   */
  oauth?(
    connection: Pick<Connection, 'settings' | 'credentials' | 'urlGuard' | 'signal'> & OAuthClientPlace,
  ): Promise<OAuthServer | null>
  /** Really uses the connection, changes nothing outside; throws `ConnectionFailed`. */
  test(connection: Connection): Promise<ConnectionTest>
  tools: readonly IntegrationTool[] | ListedTools
  /**
   * Takes back what the provider gave us, when the integration is removed: whether it did, null when it gave nothing. A
   * failure is reported, never in the way.
   */
  revoke?(connection: Connection): Promise<boolean | null>
  /** Ends what is kept open between calls, such as sessions and programs; this server stops. */
  close?(): Promise<void>
}

type Setting = SettingsSchema['properties'][string]
type PasswordField = Omit<Exclude<Setting, { type: 'array' }>, 'type' | 'format'> & {
  type: 'string'
  format: 'password'
}
export type FormField = (Setting | PasswordField) & {
  /** The field belongs to the form only while another one, of the settings, has one of these values. */
  shown_when?: { field: string; is: (string | number | boolean)[] }
  /** What people read in place of each value of `enum`. */
  enum_titles?: Record<string, string>
}

/** The subset of JSON Schema that agents' forms have, with passwords and fields that others switch on. */
export interface ConnectionForm {
  type: 'object'
  properties: Record<string, FormField>
  required: string[]
}

export type Credentials = Record<string, JsonValue>

/** One account as its tools use it, for one call. */
export interface Connection {
  /** Null while it is tried out before it is stored. */
  integrationId: string | null
  userAgentId: string
  ownerId: string
  settings: Settings
  /** In clear: for the provider alone, never for a prompt, a log, an error or an answer. */
  credentials: Credentials
  urlGuard: UrlGuard
  signal: AbortSignal
  /** A valid access token of a connection made by OAuth; renewed when it is about to end. Throws `ConnectionFailed`. */
  getAccessToken(): Promise<string>
  /**
   * Keeps a message for the webhook of this connection, sends it in the background until it arrives, and answers its id.
   * Left out while the connection is tried out.
   */
  queueDelivery?(event: string, payload: string): Promise<string>
}

export interface ConnectionTest {
  /** What was reached, as a person would say it: `Signed in as anna@example.com.` */
  message: string
}

export interface ToolDefinition {
  /** Unique within the integration. */
  name: string
  /** What it does, for people: `Send an e-mail`. */
  title: string
  description: string
  inputSchema: JSONSchema7
  outputSchema?: JSONSchema7
  /** `writes`: changes the world outside and asks its owner first. */
  effect: 'reads' | 'writes'
  /** False only where no stranger can have written any part of the result, such as `{ sent: true }`. */
  isUntrusted: boolean
}

export interface IntegrationTool extends ToolDefinition {
  /** What will be done with this input, in one line, for whoever approves it: `Send "Hello" to anna@example.com`. */
  describeCall?(input: unknown): string
  /** Whether these settings have the tool; left out, all have it. */
  isOffered?(settings: Settings): boolean
  /** A thrown error reaches the model as the result, so its message says how to do better and holds no secret. */
  execute(input: unknown, connection: Connection): Promise<unknown>
}

/** Tools that the server behind the connection names itself. The list is kept and asked for anew now and then. */
export interface ListedTools {
  list(connection: Connection): Promise<ToolDefinition[]>
  call(connection: Connection, name: string, input: unknown): Promise<unknown>
}

/** This server's own side of OAuth. */
export interface OAuthClientPlace {
  /** The client that the operator registered at this provider; null when there is none. */
  operatorClient: { clientId: string; clientSecret?: string } | null
  redirectUri: string
  /** Our client ID metadata document; null when this server has no public https address where others could read it. */
  clientMetadataUrl: string | null
}

export interface OAuthServer {
  /** RFC 9207: the `iss` that the callback must carry, when it carries one. */
  issuer?: string
  /** The server's metadata promises that its callbacks carry `iss`: one without it is somebody else's. */
  promisesIssuer?: boolean
  /** How the client shows itself at the token endpoint; `client_secret_basic` with a secret, else `none`. */
  clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | 'none'
  /** To be merged into the stored credentials, such as a client that was registered for this connection. */
  credentials?: Credentials
  authorizationEndpoint: string
  tokenEndpoint: string
  revocationEndpoint?: string
  clientId: string
  clientSecret?: string
  scopes: string[]
  /** RFC 8707: whom the token is for. */
  resource?: string
  /** More parameters for the authorization request. */
  parameters?: Record<string, string>
}

/** Signing in at the provider needs a client of the operator, and there is none. */
export class OAuthNotConfigured extends Error {
  override name = 'OAuthNotConfigured'
}

/**
 * The provider refused us or could not be reached. The message says it to the owner, without any secret.
 * `credentials`: what is stored is not accepted any more, the owner has to connect again.
 */
export class ConnectionFailed extends Error {
  override name = 'ConnectionFailed'
  readonly kind: 'credentials' | 'unreachable' | 'refused'
  constructor(kind: ConnectionFailed['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}
