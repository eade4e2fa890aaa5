import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import {
  createJsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod'
import { addAuthentication, createAuthenticate } from './auth/authenticate.ts'
import type { Config } from './config.ts'
import type { Database } from './database/database.ts'
import { AppError } from './errors.ts'
import type { App } from './http/app-types.ts'
import { refuseCrossSite } from './http/cross-site.ts'
import { sendProblem } from './http/problem.ts'
import type { Log } from './log.ts'
import type { ModelRegistry } from './runtime/models/model-registry.ts'

/** What the routes work with; made once in `main.ts` or by a test. */
export interface Services {
  config: Config
  log: Log
  database: Database
  models: ModelRegistry
}

const bodyLimitBytes = 1024 * 1024

/** The HTTP server with every route, not yet listening. */
export async function createApp(services: Services): Promise<App> {
  const { config } = services
  const app: App = fastify({
    loggerInstance: services.log,
    disableRequestLogging: true,
    bodyLimit: bodyLimitBytes,
    trustProxy: config.trustProxy.length > 0 ? config.trustProxy : false,
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler((request, reply) => sendProblem(new AppError('not_found'), request, reply))
  app.server.headersTimeout = 15_000
  await app.register(cookie)
  await addHeaders(app, config)
  addAuthentication(app, createAuthenticate(services.database))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'AgentExpress',
        version: '1',
        description: apiDescription,
        license: { name: 'MIT', identifier: 'MIT' },
      },
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
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig: { override: describeDates, unrepresentable: 'any' } }),
    transformObject: jsonSchemaTransformObject,
  })
  return app
}

const apiDescription =
  'Every list answers `{data, next_cursor}`; every error is `application/problem+json` with a stable `code` (see /docs/errors).'

/** What is a Date in the program is an ISO 8601 string on the wire. */
function describeDates({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: { _zod: { def: { type: string } } }
  jsonSchema: Record<string, unknown>
}): void {
  if (zodSchema._zod.def.type !== 'date') return
  jsonSchema.type = 'string'
  jsonSchema.format = 'date-time'
}

async function addHeaders(app: App, config: Config): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        // Mantine sets sizes and colours through style attributes.
        styleSrc: ["'self'", "'unsafe-inline'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'https:'],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        frameAncestors: ["'none'"],
        upgradeInsecureRequests: config.publicUrl?.startsWith('https:') ? [] : null,
      },
    },
    strictTransportSecurity: config.publicUrl?.startsWith('https:') ?? false,
    crossOriginEmbedderPolicy: false,
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/') || request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
    refuseCrossSite(request, config.publicUrl)
  })
}
