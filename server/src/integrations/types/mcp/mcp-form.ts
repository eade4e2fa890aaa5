import type { ConnectionForm } from '../../integration-type.ts'
import type { StdioCommands } from './stdio-commands.ts'

export function createSettingsForm(commands: StdioCommands): ConnectionForm {
  const names = Object.keys(commands)
  const overHttp = { field: 'transport', is: ['http'] }
  const transport: ConnectionForm['properties'] = {
    transport: {
      type: 'string',
      title: 'How is the server reached?',
      enum: ['http', 'program'],
      enum_titles: { http: 'At an address', program: 'As a program that the operator of this site has listed' },
      default: 'http',
    },
    program: {
      type: 'string',
      title: 'Program',
      enum: names.length > 0 ? names : ['none'],
      enum_titles: Object.fromEntries(names.map((name) => [name, commands[name]?.title ?? name])),
      shown_when: { field: 'transport', is: ['program'] },
    },
  }
  return {
    type: 'object',
    properties: {
      ...(names.length > 0 && transport),
      url: {
        type: 'string',
        title: 'Address of the server',
        description: 'Such as https://mcp.example.com/mcp',
        format: 'uri',
        maxLength: 2048,
        ...(names.length > 0 && { shown_when: overHttp }),
      },
      authentication: {
        type: 'string',
        title: 'How does the server know you?',
        enum: ['none', 'oauth', 'bearer', 'header'],
        enum_titles: {
          none: 'Not at all',
          oauth: 'I sign in there (OAuth)',
          bearer: 'By a token (Bearer)',
          header: 'By a key in a header of another name',
        },
        default: 'none',
        ...(names.length > 0 && { shown_when: overHttp }),
      },
      header_name: {
        type: 'string',
        title: 'Name of the header',
        description: 'Such as X-API-Key',
        maxLength: 100,
        shown_when: { field: 'authentication', is: ['header'] },
      },
      client_id: {
        type: 'string',
        title: 'Client id',
        description: 'Only for servers where clients cannot register by themselves.',
        maxLength: 500,
        shown_when: { field: 'authentication', is: ['oauth'] },
      },
    },
    required: names.length > 0 ? ['transport', 'program', 'url'] : ['url'],
  }
}

export const credentialsForm: ConnectionForm = {
  type: 'object',
  properties: {
    token: {
      type: 'string',
      title: 'Token',
      format: 'password',
      maxLength: 8000,
      shown_when: { field: 'authentication', is: ['bearer'] },
    },
    header_value: {
      type: 'string',
      title: 'Value of the header',
      format: 'password',
      maxLength: 8000,
      shown_when: { field: 'authentication', is: ['header'] },
    },
    client_secret: {
      type: 'string',
      title: 'Client secret',
      description: 'Belongs to the client id, when you have one.',
      format: 'password',
      maxLength: 8000,
      shown_when: { field: 'authentication', is: ['oauth'] },
    },
  },
  required: ['token', 'header_value'],
}
