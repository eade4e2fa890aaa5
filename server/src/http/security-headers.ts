import helmet from '@fastify/helmet'
import type { App } from './app-types.ts'
import { refuseCrossSite } from './cross-site.ts'

/** Content security policy and its companions, `no-store` on answers of the APIs, and the defence against requests from other sites. */
export async function addSecurityHeaders(app: App, publicUrl: string | undefined): Promise<void> {
  const isHttps = publicUrl?.startsWith('https:') ?? false
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
        upgradeInsecureRequests: isHttps ? [] : null,
      },
    },
    strictTransportSecurity: isHttps,
    crossOriginEmbedderPolicy: false,
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/') || request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
    refuseCrossSite(request, publicUrl)
  })
}
