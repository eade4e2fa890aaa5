import { randomBytes } from 'node:crypto'
import swagger from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { errorTable } from '../errors.ts'
import type { App } from './app-types.ts'

const description = `Everything the web app does, it does through this API.

- **Who you are**: send \`Authorization: Bearer <API key or access token>\`. Browsers use cookies instead.
- **Lists** answer \`{data, next_cursor}\`; give \`next_cursor\` as \`cursor\` for the next page.
- **Errors** are \`application/problem+json\` (RFC 9457) with a stable \`code\`; [all codes](/docs/errors) say what to do.
- **What is another user's** answers 404, as if it were not there.
- **Twice is once**: send an \`Idempotency-Key\` when you run a user agent.`

/** In the order a newcomer needs them. */
const tags = [
  'Runs',
  'User agents',
  'Agents',
  'Agent logs',
  'Conversations',
  'Models',
  'Plans',
  'Subscription',
  'OpenAI-compatible',
  'Sign-in',
  'Account',
  'API keys',
  'Admin',
  'Health',
]

/** Collects the schemas of all routes that are added after it. */
export async function addOpenApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'AgentExpress', version: '1', description, license: { name: 'MIT', identifier: 'MIT' } },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'An access token, or an API key that begins with `ax_`',
          },
          cookie: { type: 'apiKey', in: 'cookie', name: 'ax_access', description: 'Set by signing in with a browser' },
        },
      },
      security: [{ bearer: [] }, { cookie: [] }],
      tags: tags.map((name) => ({ name })),
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig: { override: describeDates, unrepresentable: 'any' } }),
    transformObject: (document) => withoutUnusedSchemas(jsonSchemaTransformObject(document)),
  })
}

/** Schemas with an id are listed as request and as answer; only what some route refers to is of use to a reader. */
function withoutUnusedSchemas(document: ReturnType<typeof jsonSchemaTransformObject>): typeof document {
  const schemas = 'components' in document ? (document.components?.schemas ?? {}) : {}
  const text = JSON.stringify(document)
  for (const name of Object.keys(schemas)) if (!text.includes(`"#/components/schemas/${name}"`)) delete schemas[name]
  return document
}

/** What is a Date in the program is an ISO 8601 string on the wire. */
function describeDates(context: {
  zodSchema: { _zod: { def: { type: string } } }
  jsonSchema: Record<string, unknown>
}): void {
  if (context.zodSchema._zod.def.type !== 'date') return
  context.jsonSchema.type = 'string'
  context.jsonSchema.format = 'date-time'
}

/** `/openapi.json`, the reference to read at `/docs`, and the table of errors at `/docs/errors`. */
export async function addReference(app: App): Promise<void> {
  const nonce = randomBytes(16).toString('base64')
  const policy = `default-src 'self'; script-src 'self' 'nonce-${nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'`
  const access = { access: 'public' } as const
  app.get('/openapi.json', { schema: { hide: true }, config: access }, () => app.swagger())
  app.get('/docs/errors', { schema: { hide: true }, config: access }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(errorPage()),
  )
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/docs')) route.config = { ...route.config, ...access }
  })
  await app.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      pageTitle: 'AgentExpress API',
      nonce,
      theme: 'default',
      // Nothing is loaded from or sent to other hosts.
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: 'never',
      hideModels: true,
    },
    hooks: {
      onRequest: (_request, reply, done) => {
        reply.header('content-security-policy', policy)
        done()
      },
    },
  })
}

function errorPage(): string {
  const rows = Object.entries(errorTable)
    .map(
      ([code, [status, title, action]]) =>
        `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td><td>${escapeHtml(action)}</td></tr>`,
    )
    .join('\n')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Errors of the AgentExpress API</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
div{overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #8886}tr:target{background:#fd02}</style></head>
<body><main><h1>Errors</h1><p>Codes are stable; act on them. <a href="/docs/">Back to the reference</a></p>
<div tabindex="0" role="region" aria-label="All error codes"><table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">What happened</th><th scope="col">What to do next</th></tr></thead>
<tbody>${rows}</tbody></table></div></main></body></html>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
