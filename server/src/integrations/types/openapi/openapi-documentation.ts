export const documentation = `Most services describe their HTTP API in an OpenAPI document. Give its address or paste it; each operation that
you choose becomes a tool of the agent.

- **Document**: OpenAPI 3.0 or 3.1, or Swagger 2.0, as JSON or YAML. A document at an address is read again every ten
  minutes or so; when it may change without you noticing, paste it.
- **Server**: the API's address, where the document names several or leaves parts of it open. Credentials go to this
  server alone, never to another one that a document or a redirect names.
- **Operations**: choose the few that the agent needs. Those that only read (GET, HEAD) run by themselves; all others
  ask you first, until you switch one to *always*. Uploads of files are not possible.
- **Credentials**: a key, token or user made for this purpose, with the least rights that do. For OAuth 2, register an
  application at the service with this server's callback address, and enter its id, secret and the two addresses.`
