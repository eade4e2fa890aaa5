import { AppError } from '../errors.ts'
import type { App } from './app-types.ts'

/**
 * JSON in UTF-8 is the one body there is. Fastify by itself would read broken UTF-8 as question marks, so that what is
 * stored were not what was sent, and plain text as a body too.
 */
export function addJsonBody(app: App): void {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    let text: string
    try {
      text = decoder.decode(body)
    } catch (cause) {
      return done(new AppError('invalid_json', { cause }))
    }
    return parseJson(request, text, done)
  })
}
