import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface PetServer {
  url: string
  seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]
  /** Where `/moved` leads. */
  redirectTo: string
}

const query = (name: string, more: object = {}) => ({ name, in: 'query', schema: {}, ...more })
const operation = (operationId: string, parameters: object[] = []) => ({
  operationId,
  summary: operationId,
  parameters,
})

/** A small API with parameters of every kind. */
export function createPetDocument() {
  const petId = { $ref: '#/components/parameters/PetId' }
  return {
    openapi: '3.1.0',
    info: { title: 'Pets', version: '1.0.0' },
    paths: {
      '/pets': {
        get: operation('listPets', [query('limit', { schema: { type: 'integer' } })]),
        post: {
          ...operation('addPet'),
          requestBody: {
            required: true,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
          },
        },
      },
      '/pets/{pet_id}': { parameters: [petId], get: operation('getPet'), delete: operation('removePet') },
      '/find/{id}/{point}': {
        get: operation('find', [
          { name: 'id', in: 'path', schema: {} },
          { name: 'point', in: 'path', style: 'matrix', explode: true, schema: {} },
          query('colors'),
          query('sizes', { explode: false }),
          query('sorted', { style: 'spaceDelimited', explode: false }),
          query('piped', { style: 'pipeDelimited', explode: false }),
          query('filter', { style: 'deepObject' }),
          { name: 'exact', in: 'query', content: { 'application/json': { schema: {} } } },
          query('id'),
          { name: 'X-Trace', in: 'header', schema: {} },
          { name: 'theme', in: 'cookie', schema: {} },
        ]),
      },
      '/echo': {
        get: operation(
          'echo',
          ['type', 'text', 'times', 'status'].map((name) => query(name)),
        ),
      },
      '/request': { post: operation('echoRequest') },
    },
    components: {
      parameters: { PetId: { name: 'pet_id', in: 'path', required: true, schema: { type: 'string' } } },
      schemas: { Pet: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
      securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Pet-Key' } },
    },
  }
}

type Write = (document: ReturnType<typeof createPetDocument>, url: string) => [type: string, text: string]

/** Answers every path with the request itself, but for `/echo`, `/token`, `/moved` and the document. */
export async function startPetServer(
  write: Write = (document) => ['application/json', JSON.stringify(document)],
): Promise<PetServer> {
  const pets: PetServer = { url: '', seen: [], redirectTo: '' }
  const server = createServer(async (request, response) => {
    const body = Buffer.concat((await Array.fromAsync(request)) as Buffer[]).toString()
    const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
    pets.seen.push(seen)
    const { pathname, searchParams } = new URL(seen.url, pets.url)
    const status = Number(searchParams.get('status') ?? 200)
    if (pathname === '/openapi.json') {
      const [type, text] = write(createPetDocument(), pets.url)
      return response.writeHead(200, { 'content-type': type }).end(text)
    }
    if (pathname === '/moved') return response.writeHead(302, { location: pets.redirectTo }).end()
    if (pathname === '/token') {
      const [id = ''] = atob(String(request.headers.authorization).replace('Basic ', '')).split(':')
      return response.end(JSON.stringify({ access_token: `token-for-${decodeURIComponent(id)}`, expires_in: 600 }))
    }
    if (pathname !== '/echo') {
      return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(seen))
    }
    const text = (searchParams.get('text') ?? '').repeat(Number(searchParams.get('times') ?? 1))
    response.writeHead(status, { 'content-type': searchParams.get('type') ?? 'text/plain' }).end(text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  pets.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return pets
}
