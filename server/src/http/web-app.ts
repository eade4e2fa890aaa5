import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { AppError } from '../errors.ts'
import type { App } from './app-types.ts'
import { sendProblem } from './problem.ts'

export const webAppFolder = join(import.meta.dirname, '../../../web/dist')

/** Serves the built web app; its pages are routes of the browser, so every unknown address that wants HTML gets it. */
export async function addWebApp(app: App): Promise<void> {
  if (!existsSync(join(webAppFolder, 'index.html'))) return
  app.addHook('onRoute', (route) => {
    if (route.url === '/*' || route.url === '/') route.config = { ...route.config, access: 'public' }
  })
  await app.register(fastifyStatic, {
    root: webAppFolder,
    wildcard: true,
    cacheControl: false,
    setHeaders: (response, path) => {
      // Names of built files carry a hash of what is in them.
      const isHashed = path.includes('/assets/')
      response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  app.setNotFoundHandler((request, reply) => {
    const wantsPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')
    const isApi = /^\/(api|v1|assets|docs)\//.test(request.url)
    if (wantsPage && !isApi) return reply.header('cache-control', 'no-cache').sendFile('index.html', webAppFolder)
    return sendProblem(new AppError('not_found'), request, reply)
  })
}
