/** The package has no types of its own; these are what tests use. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export default class Provider {
    constructor(issuer: string, configuration: object)
    on(event: string, listener: (context: { oidc: { params?: Record<string, string> } }) => void): this
    callback(): (request: IncomingMessage, response: ServerResponse) => void
  }
}
