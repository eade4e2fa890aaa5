import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import fastify from 'fastify'
import type { App } from './app-types.ts'
import { refuseCrossSite } from './cross-site.ts'

/** Content security policy and its companions, `no-store` on answers of the APIs, and the defence against requests from other sites. */
export async function addSecurityHeaders(app: App, publicUrl: string | undefined): Promise<void> {
  const isHttps = publicUrl?.startsWith('https:') ?? false
  const headers = await listHeaders({
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
        upgradeInsecureRequests: isHttps ? [] : null,
      },
    },
    strictTransportSecurity: isHttps,
    crossOriginEmbedderPolicy: false,
  })
  app.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of headers) reply.raw.setHeader(name, value)
    if (request.url.startsWith('/api/') || request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
    refuseCrossSite(request, publicUrl)
  })
}

/** What helmet sets on every answer is the same each time; it would put it together anew for each. */
async function listHeaders(options: FastifyHelmetOptions): Promise<[string, string][]> {
  const plain = fastify()
  const protectedApp = fastify()
  await protectedApp.register(helmet, options)
  const [without, withHelmet] = await Promise.all(
    [plain, protectedApp].map(async (app) => {
      app.get('/', (_request, reply) => reply.send())
      const { headers } = await app.inject('/')
      await app.close()
      return headers
    }),
  )
  return Object.entries(withHelmet ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' && without?.[name] === undefined ? [[name, value] as [string, string]] : [],
  )
}
