import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { AppError } from '../errors.ts'
import type { App } from './app-types.ts'
import { sendProblem } from './problem.ts'

export const webAppFolder = join(import.meta.dirname, '../../../web/dist')

/**
 * Serves the built web app, and answers every address that nothing else knows: with the app where a person wants a page,
 * because its pages are routes of the browser, and with `not_found` otherwise.
 */
export async function addWebApp(app: App): Promise<void> {
  const isBuilt = existsSync(join(webAppFolder, 'index.html'))
  if (isBuilt) {
    app.addHook('onRoute', (route) => {
      if (route.url === '/*') route.config = { ...route.config, access: 'public' }
    })
    await app.register(fastifyStatic, {
      root: webAppFolder,
      cacheControl: false,
      setHeaders: (reply, path) => {
        // Names of built files carry a hash of what is in them.
        const isHashed = path.includes('/assets/')
        reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
  }
  app.setNotFoundHandler((request, reply) => {
    const isReading = request.method === 'GET' || request.method === 'HEAD'
    const wantsPage = isReading && (request.headers.accept ?? '').includes('text/html')
    const isPage = wantsPage && !/^\/(api|v1|assets|docs)(?![\w-])/.test(request.url)
    if (isBuilt && isPage) return reply.header('cache-control', 'no-cache').sendFile('index.html', webAppFolder)
    return sendProblem(new AppError('not_found'), request, reply)
  })
}
