import type { ConnectionForm } from '../../integration-type.ts'

const when = (field: string, ...is: string[]) => ({ shown_when: { field, is } })

export const settingsForm: ConnectionForm = {
  type: 'object',
  properties: {
    source: {
      type: 'string',
      title: 'Where is the OpenAPI document?',
      enum: ['url', 'text'],
      enum_titles: { url: 'At an address', text: 'I paste it' },
      default: 'url',
    },
    document_url: {
      type: 'string',
      title: 'Address of the document',
      description: 'Such as https://api.example.com/openapi.json, at most 2 MB',
      format: 'uri',
      maxLength: 2048,
      ...when('source', 'url'),
    },
    document: {
      type: 'string',
      title: 'Document',
      description: 'JSON or YAML, at most 300,000 characters',
      format: 'textarea',
      maxLength: 300_000,
      ...when('source', 'text'),
    },
    server_url: {
      type: 'string',
      title: 'Server',
      description: 'One of the servers that the document names; left out, its first.',
      format: 'uri',
      maxLength: 2048,
    },
    operations: {
      type: 'array',
      title: 'Operations',
      description: 'Names (operationId) or such as GET /orders; left out, the first 40 that only read.',
      items: { type: 'string', title: 'Operation', maxLength: 200 },
      maxItems: 100,
      uniqueItems: true,
    },
    authentication: {
      type: 'string',
      title: 'How does the API know you?',
      enum: ['none', 'api_key', 'bearer', 'basic', 'oauth2', 'client_credentials'],
      enum_titles: {
        none: 'Not at all',
        api_key: 'By a key (API key)',
        bearer: 'By a token (Bearer)',
        basic: 'By user name and password (Basic)',
        oauth2: 'I sign in there (OAuth 2)',
        client_credentials: 'By client id and secret (OAuth 2 without a person)',
      },
      default: 'none',
    },
    key_in: {
      type: 'string',
      title: 'Place of the key',
      enum: ['header', 'query', 'cookie'],
      enum_titles: { header: 'In a header', query: 'In the address (query)', cookie: 'In a cookie' },
      default: 'header',
      ...when('authentication', 'api_key'),
    },
    key_name: {
      type: 'string',
      title: 'Name of the key',
      description: 'Such as X-API-Key; left out, as the document says.',
      maxLength: 100,
      ...when('authentication', 'api_key'),
    },
    username: { type: 'string', title: 'User name', maxLength: 500, ...when('authentication', 'basic') },
    authorization_url: {
      type: 'string',
      title: 'Authorization URL',
      format: 'uri',
      maxLength: 2048,
      ...when('authentication', 'oauth2'),
    },
    token_url: {
      type: 'string',
      title: 'Token URL',
      format: 'uri',
      maxLength: 2048,
      ...when('authentication', 'oauth2', 'client_credentials'),
    },
    client_id: {
      type: 'string',
      title: 'Client id',
      maxLength: 500,
      ...when('authentication', 'oauth2', 'client_credentials'),
    },
    scopes: {
      type: 'string',
      title: 'Scopes',
      description: 'With blanks between; the least that the operations need.',
      maxLength: 2000,
      ...when('authentication', 'oauth2', 'client_credentials'),
    },
  },
  required: ['source', 'document_url', 'document', 'username', 'authorization_url', 'token_url', 'client_id'],
}

export const credentialsForm: ConnectionForm = {
  type: 'object',
  properties: {
    key: { type: 'string', title: 'Key', format: 'password', maxLength: 8000, ...when('authentication', 'api_key') },
    token: { type: 'string', title: 'Token', format: 'password', maxLength: 8000, ...when('authentication', 'bearer') },
    password: {
      type: 'string',
      title: 'Password',
      format: 'password',
      maxLength: 8000,
      ...when('authentication', 'basic'),
    },
    client_secret: {
      type: 'string',
      title: 'Client secret',
      format: 'password',
      maxLength: 8000,
      ...when('authentication', 'oauth2', 'client_credentials'),
    },
  },
  required: ['key', 'token', 'password'],
}
