import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { stringify as toYaml } from 'yaml'
import { exampleAgent } from '../../../testing/agent-fixtures.ts'
import { createTestApp } from '../../../testing/test-app.ts'
import { createUrlGuard } from '../../../url-guard/url-guard.ts'
import { ConnectionFailed, type ListedTools } from '../../integration-type.ts'
import { testConnection } from '../../integration-type-testing.ts'
import { openapiType } from './openapi-type.ts'
import { createPetDocument, type PetServer, startPetServer } from './pet-server-testing.ts'

const tools = openapiType.tools as ListedTools

const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'worked',
    (error: unknown) => (error instanceof ConnectionFailed ? `${error.kind}: ${error.message}` : String(error)),
  )

type Options = Parameters<typeof testConnection>[1]
const connect = (pets: PetServer, { settings, ...rest }: Options = {}) =>
  testConnection(openapiType, { settings: { document_url: `${pets.url}/openapi.json`, ...settings }, ...rest })

test('our own API: a user agent is made through it', async () => {
  const { app, createUser } = await createTestApp()
  const { headers } = await createUser()
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const all = await (await fetch(`${url}/openapi.json`)).json()
  const connection = testConnection(openapiType, {
    settings: {
      document_url: `${url}/openapi.json`,
      authentication: 'bearer',
      operations: ['GET /api/v1/agents', 'POST /api/v1/agents', 'POST /api/v1/user-agents', 'GET /api/v1/user-agents'],
    },
    credentials: { token: headers.authorization.replace('Bearer ', '') },
  })
  expect(Object.keys(all.paths).length).toBeGreaterThan(20)
  expect((await openapiType.test(connection)).message).toMatch(
    /^AgentExpress.* at 127\.0\.0\.1:\d+: 4 of \d+ operations are tools\. GET \/api\/v1\/agents answered with status 200\.$/,
  )
  const [listAgents, createAgent, create, list] = await tools.list(connection)
  expect([listAgents, createAgent, create, list].map((tool) => tool?.effect)).toEqual([
    'reads',
    'writes',
    'writes',
    'reads',
  ])
  const agent = (await tools.call(connection, createAgent?.name ?? '', { body: exampleAgent() })) as {
    body: { id: string }
  }
  const body = { agent_id: agent.body.id, name: 'Made by a tool', settings: { business_name: 'Lamp & Co' } }
  expect(await tools.call(connection, create?.name ?? '', { body })).toMatchObject({ status: 201 })
  expect(await tools.call(connection, list?.name ?? '', {})).toMatchObject({
    status: 200,
    body: { data: [{ name: 'Made by a tool' }] },
  })
  expect(await failure(tools.call(connection, create?.name ?? '', { body: { name: 1 } }))).toMatch(
    /^Error: The API answered with status 400: .*"code":"invalid_request"/,
  )
})

describe('documents', () => {
  test.each<[string, (document: object) => [type: string, text: string]]>([
    ['JSON', (document) => ['application/json', JSON.stringify(document)]],
    ['YAML', (document) => ['application/yaml', toYaml(document)]],
  ])('of version 3.1 as %s, from an address and pasted', async (_name, write) => {
    const pets = await startPetServer(write)
    const pasted = testConnection(openapiType, {
      settings: { source: 'text', document: write(createPetDocument())[1], server_url: pets.url },
    })
    for (const connection of [connect(pets), pasted]) {
      expect((await tools.list(connection)).map(({ name }) => name)).toEqual(['listPets', 'getPet', 'find', 'echo'])
      expect(await tools.call(connection, 'getPet', { pet_id: 'rex' })).toMatchObject({ body: { url: '/pets/rex' } })
    }
  })

  test('of version 3.0 and Swagger 2.0 are brought to 3.1', async () => {
    const swagger = (url: string) => ({
      swagger: '2.0',
      info: { title: 'Old pets', version: '1' },
      host: new URL(url).host,
      schemes: ['http'],
      basePath: '/v2',
      paths: {
        '/pets': {
          post: {
            operationId: 'add',
            consumes: ['application/x-www-form-urlencoded'],
            parameters: [{ name: 'name', in: 'formData', type: 'string' }],
          },
        },
        '/pets/{id}': {
          get: { operationId: 'get', parameters: [{ name: 'id', in: 'path', type: 'integer', required: true }] },
        },
      },
    })
    const old = await startPetServer((_document, url) => ['application/json', JSON.stringify(swagger(url))])
    const connection = connect(old, { settings: { operations: ['add', 'get'] } })
    expect(await tools.call(connection, 'get', { id: 3 })).toMatchObject({ body: { url: '/v2/pets/3' } })
    expect(await tools.call(connection, 'add', { body: { name: 'Rex & Co' } })).toMatchObject({
      body: { method: 'POST', body: 'name=Rex%20%26%20Co' },
    })
    const nullable = await startPetServer((document) => {
      const paths = {
        '/x': {
          get: {
            operationId: 'x',
            parameters: [{ name: 'q', in: 'query', schema: { type: 'string', nullable: true } }],
          },
        },
      }
      return ['application/json', JSON.stringify({ ...document, openapi: '3.0.3', paths })]
    })
    expect((await tools.list(connect(nullable)))[0]?.inputSchema.properties).toEqual({
      q: { type: ['string', 'null'] },
    })
  })

  const aliases = Array.from(
    { length: 9 },
    (_, level) => `a${level}: &a${level} [${Array(9).fill(level === 0 ? 'x' : `*a${level - 1}`)}]`,
  )
  test.each<[string, string]>([
    ['a web page', '<html></html>'],
    ['another JSON', '{"hello":"world"}'],
    ['another version', JSON.stringify({ openapi: '4.0.0', paths: {} })],
    ['no paths', JSON.stringify({ openapi: '3.1.0' })],
    ['a billion laughs', ['openapi: 3.1.0', ...aliases, 'paths: *a8'].join('\n')],
    ['endless nesting', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['deep nesting', `{"openapi":"3.1.0","paths":{"/x":${'{"a":'.repeat(2000)}1${'}'.repeat(2001)}}`],
  ])('%s is refused clearly and quickly', async (_name, document) => {
    const began = performance.now()
    const connection = testConnection(openapiType, { settings: { source: 'text', document } })
    expect(await failure(tools.list(connection))).toMatch(/^refused: (This is no OpenAPI|The document)/)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('inside the network, too large, or gone are failures', async () => {
    const urlGuard = createUrlGuard({ allowedPrivateHosts: [], maxBytes: 1e6, timeoutMs: 2000, maxRedirects: 3 })
    const inside = testConnection(openapiType, {
      settings: { document_url: 'http://169.254.169.254/openapi.json' },
      urlGuard,
    })
    expect(await failure(tools.list(inside))).toMatch(/^refused: .*not on the public internet/)
    const large = await startPetServer((document) => [
      'application/json',
      JSON.stringify({ ...document, x: 'x'.repeat(3e6) }),
    ])
    expect(await failure(tools.list(connect(large)))).toBe('refused: The document is larger than 2 MB.')
    const gone = testConnection(openapiType, { settings: { document_url: `${large.url}/none.json?status=404` } })
    expect(await failure(tools.list(gone))).toBe('refused: The document cannot be fetched: status 404.')
  })

  test('references outside are not followed; circles and schemas that grow without end are cut', async () => {
    const schemas: Record<string, object> = {
      Node: {
        type: 'object',
        properties: { next: { $ref: '#/components/schemas/Node' }, other: { $ref: 'http://127.0.0.1:1/x.json' } },
      },
      Self: { $ref: '#/components/schemas/Self' },
    }
    for (let level = 0; level < 25; level++) {
      const $ref = `#/components/schemas/L${level + 1}`
      schemas[`L${level}`] = { type: 'object', properties: { a: { $ref }, b: { $ref }, c: { $ref } } }
    }
    const body = (name: string) => ({
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
    })
    const paths = Object.fromEntries(
      ['Node', 'Self', 'L0'].map((name) => [`/${name}`, { post: { operationId: name, requestBody: body(name) } }]),
    )
    const pets = await startPetServer((document) => [
      'application/json',
      JSON.stringify({ ...document, paths, components: { schemas } }),
    ])
    const listed = await tools.list(connect(pets, { settings: { operations: ['Node', 'Self', 'L0'] } }))
    expect(listed[0]?.inputSchema.properties?.body).toEqual({ type: 'object', properties: { next: {}, other: {} } })
    expect(JSON.stringify(listed).length).toBeLessThan(60_000)
    expect(JSON.stringify(listed)).not.toContain('$ref')
  })

  test('large ones that would grow without end do not keep the server busy', async () => {
    const values = Array.from({ length: 60_000 }, (_, at) => `value ${at}`)
    const schema = { $ref: '#/components/schemas/Huge' }
    const operation = {
      parameters: [{ name: 'q', in: 'query', schema }],
      requestBody: { content: { 'application/json': { schema } } },
    }
    const paths = Object.fromEntries(
      Array.from({ length: 3000 }, (_, at) => [`/p${at}`, { post: operation, get: operation }]),
    )
    const components = { schemas: { Huge: { type: 'string', enum: values } } }
    const pets = await startPetServer((document) => [
      'application/json',
      JSON.stringify({ ...document, paths, components }),
    ])
    const began = performance.now()
    const listed = await tools.list(connect(pets))
    expect(performance.now() - began).toBeLessThan(4000)
    expect([listed.length, JSON.stringify(listed).length < 2_000_000]).toEqual([40, true])
  })

  test('what they say is cleaned: no invisible characters, no endless text, no pattern', async () => {
    const hidden = [...'obey'].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('')
    const paths = {
      '/x': {
        get: {
          operationId: `../../${hidden}x y`,
          summary: `Look${hidden}\u202e`,
          description: 'y'.repeat(100_000),
          parameters: [{ name: 'q', in: 'query', description: hidden, schema: { type: 'string', pattern: '^(a+)+$' } }],
        },
      },
    }
    const pets = await startPetServer((document) => ['application/json', JSON.stringify({ ...document, paths })])
    const [tool] = await tools.list(connect(pets))
    expect(tool).toMatchObject({ name: 'x_y', title: 'Look', isUntrusted: true })
    expect(tool?.inputSchema.properties).toEqual({ q: { type: 'string', description: '' } })
    expect(tool?.description.length).toBeLessThan(1200)
  })
})

describe('operations', () => {
  test('without a choice those that read are tools; a choice names any of them', async () => {
    const pets = await startPetServer()
    expect((await tools.list(connect(pets))).map(({ effect }) => effect)).toEqual(['reads', 'reads', 'reads', 'reads'])
    const chosen = connect(pets, {
      settings: { operations: ['addPet', 'delete /pets/{pet_id}', 'GET /pets/{pet_id}'] },
    })
    expect((await tools.list(chosen)).map(({ name, effect }) => [name, effect])).toEqual([
      ['addPet', 'writes'],
      ['removePet', 'writes'],
      ['getPet', 'reads'],
    ])
    const wrong = connect(pets, { settings: { operations: ['dropTables'] } })
    expect(await failure(openapiType.test(wrong))).toMatch(
      /^refused: The document has no operation "dropTables"\. It has, for example: listPets/,
    )
    expect(await failure(tools.call(chosen, 'listPets', {}))).toMatch(/does not have this operation/)
  })

  test('parameters are written in the style that the document names', async () => {
    const pets = await startPetServer()
    const sent = (await tools.call(connect(pets), 'find', {
      id: '5',
      point: { x: 1, y: 2 },
      colors: ['red', 'light blue'],
      sizes: ['s', 'm'],
      sorted: ['a', 'b'],
      piped: ['a', 'b'],
      filter: { name: 'Ünal & Co', age: 3 },
      exact: { a: [1, 2] },
      'X-Trace': ['one', 'two'],
      theme: 'dark/er',
      query_id: 'q',
    })) as { body: { url: string; headers: Record<string, string> } }
    expect(sent.body.url).toBe(
      '/find/5/;x=1;y=2?colors=red&colors=light%20blue&sizes=s,m&sorted=a%20b&piped=a%7Cb' +
        '&filter%5Bname%5D=%C3%9Cnal%20%26%20Co&filter%5Bage%5D=3&exact=%7B%22a%22%3A%5B1%2C2%5D%7D&id=q',
    )
    expect(sent.body.headers).toMatchObject({ 'x-trace': 'one,two', cookie: 'theme=dark%2Fer' })
  })

  test.each([
    ['application/json', { name: 'Rex', tags: ['a'] }, '{"name":"Rex","tags":["a"]}'],
    ['application/x-www-form-urlencoded', { name: 'R&x=', tags: ['a', 'b'] }, 'name=R%26x%3D&tags=a&tags=b'],
    ['text/plain', 'just text', 'just text'],
    [
      'multipart/form-data',
      { 'na"me': 'Rex\r\n--x', tags: ['a'] },
      /name="na%22me"\r\n\r\nRex\r\n--x\r\n--form-[\w-]+\r\n.*name="tags"\r\n\r\na\r\n--form-[\w-]+--\r\n$/,
    ],
  ])('bodies of %s', async (type, body, expected) => {
    const paths = {
      '/x': { post: { operationId: 'x', requestBody: { required: true, content: { [type]: { schema: {} } } } } },
    }
    const pets = await startPetServer((document) => ['application/json', JSON.stringify({ ...document, paths })])
    const connection = connect(pets, { settings: { operations: ['x'] } })
    const sent = (await tools.call(connection, 'x', { body })) as {
      body: { body: string; headers: Record<string, string> }
    }
    if (typeof expected === 'string') expect(sent.body.body).toBe(expected)
    else expect(pets.seen.at(-1)?.body).toMatch(expected)
    expect(sent.body.headers['content-type']).toContain(type)
    expect(await failure(tools.call(connection, 'x', {}))).toBe('Error: The input "body" is missing.')
  })

  test.each([
    ['..', /cannot stand in a path/],
    ['.', /cannot stand in a path/],
    ['', /cannot stand in a path/],
  ])('a path value %j cannot lead elsewhere', async (pet_id, expected) => {
    const pets = await startPetServer()
    expect(await failure(tools.call(connect(pets), 'getPet', { pet_id }))).toMatch(expected)
    expect(pets.seen).toHaveLength(1)
  })

  test.each(['../admin', '..%2fadmin', 'a/b', '%2e%2e', 'x?y=1', 'x#y', '\\..\\admin', '//evil.example/'])(
    'a path value %j stays one segment',
    async (pet_id) => {
      const pets = await startPetServer()
      const { body } = (await tools.call(connect(pets), 'getPet', { pet_id })) as { body: { url: string } }
      expect(body.url).toBe(`/pets/${encodeURIComponent(pet_id)}`)
    },
  )

  test('a header value cannot begin another header', async () => {
    const pets = await startPetServer()
    const call = tools.call(connect(pets), 'find', { id: '1', point: 'x', 'X-Trace': 'a\r\nx-evil: 1' })
    expect(await failure(call)).toMatch(/characters that a header cannot hold/)
  })
})

describe('answers', () => {
  test('JSON, text, files, cut ones and errors', async () => {
    const pets = await startPetServer()
    const call = (query: object) => tools.call(connect(pets), 'echo', query)
    expect(await call({ type: 'application/json', text: '{"a":[1]}' })).toEqual({ status: 200, body: { a: [1] } })
    expect(await call({ type: 'application/problem+json', text: 'broken' })).toEqual({ status: 200, body: 'broken' })
    expect(await call({ type: 'text/plain', text: 'hello' })).toEqual({ status: 200, body: 'hello' })
    expect(await call({ type: 'image/png', text: 'x' })).toEqual({
      status: 200,
      body: 'A file (image/png, 1 kB) was left out.',
    })
    expect(await call({ type: 'text/plain', text: 'x', times: 2_000_000 })).toMatchObject({ is_cut: true })
    expect(await call({ status: 204 })).toEqual({ status: 204, body: null })
    const text = '{"error":"no such pet"}'
    expect(await failure(call({ status: 404, type: 'application/json', text }))).toBe(
      `Error: The API answered with status 404: ${text}`,
    )
    expect(await failure(call({ status: 500 }))).toBe('Error: The API answered with status 500: null')
  })
})

describe('credentials', () => {
  const operations = ['echoRequest']
  const sendWith = async (pets: PetServer, options: Options) => {
    const connection = connect(pets, { ...options, settings: { ...options?.settings, operations } })
    return (await tools.call(connection, 'echoRequest', {})) as {
      body: { url: string; headers: Record<string, string> }
    }
  }

  test('are put where the user or the document says, and are hidden in what comes back', async () => {
    const pets = await startPetServer()
    const last = () => pets.seen.at(-1) ?? { url: '', headers: {} as IncomingMessage['headers'] }
    const options: [Options, () => unknown, unknown][] = [
      [
        { settings: { authentication: 'api_key' }, credentials: { key: 'canary-1' } },
        () => last().headers['x-pet-key'],
        'canary-1',
      ],
      [
        { settings: { authentication: 'api_key', key_name: 'key', key_in: 'query' }, credentials: { key: 'canary&2' } },
        () => last().url,
        '/request?key=canary%262',
      ],
      [
        {
          settings: { authentication: 'api_key', key_name: 'sid', key_in: 'cookie' },
          credentials: { key: 'canary-3' },
        },
        () => last().headers.cookie,
        'sid=canary-3',
      ],
      [
        { settings: { authentication: 'bearer' }, credentials: { token: 'canary-4' } },
        () => last().headers.authorization,
        'Bearer canary-4',
      ],
      [
        { settings: { authentication: 'basic', username: 'anna' }, credentials: { password: 'canary-5' } },
        () => last().headers.authorization,
        `Basic ${btoa('anna:canary-5')}`,
      ],
      [
        {
          settings: {
            authentication: 'oauth2',
            authorization_url: 'https://a.example/a',
            token_url: 'https://a.example/t',
            client_id: 'c',
          },
          accessToken: 'canary-6',
        },
        () => last().headers.authorization,
        'Bearer canary-6',
      ],
      [
        {
          settings: {
            authentication: 'client_credentials',
            token_url: `${pets.url}/token`,
            client_id: 'id:1',
            scopes: 'pets',
          },
          credentials: { client_secret: 'canary-7' },
        },
        () => last().headers.authorization,
        'Bearer token-for-id:1',
      ],
    ]
    for (const [given, read, expected] of options) {
      const answer = await sendWith(pets, given)
      expect(read()).toBe(expected)
      expect(JSON.stringify(answer)).not.toMatch(/canary|token-for|YW5uYTpj/)
      expect(JSON.stringify(answer)).toContain('[hidden]')
    }
    const token = pets.seen.find(({ url }) => url === '/token')
    expect([token?.headers.authorization, token?.body]).toEqual([
      `Basic ${btoa('id%3A1:canary-7')}`,
      'grant_type=client_credentials&scope=pets',
    ])
  })

  test('an input cannot stand in their place', async () => {
    const pets = await startPetServer((document) => {
      const parameters = ['x-pet-key', 'X-Pet-Key'].map((name) => ({ name, in: 'header', schema: { type: 'string' } }))
      const paths = { '/request': { get: { operationId: 'x', parameters } } }
      return ['application/json', JSON.stringify({ ...document, paths })]
    })
    const connection = connect(pets, {
      settings: { authentication: 'api_key' },
      credentials: { key: 'the-owners-key' },
    })
    await tools.call(connection, 'x', { 'x-pet-key': 'mine', 'X-Pet-Key': 'mine' })
    expect(pets.seen.at(-1)?.headers['x-pet-key']).toBe('the-owners-key')
  })

  test('refused ones are a failure of the credentials', async () => {
    const pets = await startPetServer()
    const options = { settings: { authentication: 'bearer' }, credentials: { token: 'canary' } }
    expect(await failure(tools.call(connect(pets, options), 'echo', { status: 401 }))).toBe(
      'credentials: The API does not accept the credentials.',
    )
    expect(await failure(tools.call(connect(pets), 'echo', { status: 401 }))).toMatch(/^Error: .*status 401/)
    const client = { authentication: 'client_credentials', token_url: `${pets.url}/request?status=401`, client_id: 'x' }
    expect(await failure(tools.call(connect(pets, { settings: client }), 'echo', {}))).toMatch(/^credentials: /)
  })

  test('never go to another server than the chosen one', async () => {
    const other = await startPetServer()
    const elsewhere = (document: object): [string, string] => [
      'application/json',
      JSON.stringify({ ...document, servers: [{ url: other.url }] }),
    ]
    const pets = await startPetServer(elsewhere)
    const credentials = { token: 'canary' }
    const settings = { authentication: 'bearer' }
    expect(await failure(tools.list(connect(pets, { settings, credentials })))).toMatch(
      /^refused: The document names the server http:\/\/127\.0\.0\.1:\d+\/, which is another site/,
    )
    const unnamed = { ...settings, server_url: 'http://127.0.0.1:9/' }
    expect(await failure(tools.list(connect(pets, { settings: unnamed, credentials })))).toBe(
      'refused: The document does not name this server.',
    )
    const entered = connect(pets, { settings: { ...settings, server_url: other.url }, credentials })
    await tools.call(entered, 'getPet', { pet_id: '1' })
    expect(other.seen.at(-1)?.headers.authorization).toBe('Bearer canary')
  })

  test('are not carried along by a redirect, and operations of other sites are left out', async () => {
    const other = await startPetServer()
    const pets = await startPetServer((document) => {
      const paths = {
        '/moved': { get: { operationId: 'moved' } },
        '/away': { servers: [{ url: other.url }], get: { operationId: 'away' } },
      }
      return ['application/json', JSON.stringify({ ...document, paths })]
    })
    pets.redirectTo = `${other.url}/request`
    const connection = connect(pets, { settings: { authentication: 'api_key' }, credentials: { key: 'canary' } })
    expect((await tools.list(connection)).map(({ name }) => name)).toEqual(['moved'])
    await tools.call(connection, 'moved', {})
    expect(other.seen).toHaveLength(1)
    expect(JSON.stringify(other.seen)).not.toContain('canary')
  })

  test('servers with variables: only what the document leaves open can be entered', async () => {
    const pets = await startPetServer((document) => {
      const servers = [
        {
          url: 'http://{host}/{version}',
          variables: { host: { default: 'x' }, version: { enum: ['v1', 'v2'], default: 'v1' } },
        },
      ]
      return ['application/json', JSON.stringify({ ...document, servers })]
    })
    const host = new URL(pets.url).host
    const at = (server_url: string) => connect(pets, { settings: { server_url } })
    expect(await tools.call(at(`http://${host}/v2`), 'getPet', { pet_id: '1' })).toMatchObject({
      body: { url: '/v2/pets/1' },
    })
    const searching = { url: 'http://{a}a{b}a{c}a{d}a{e}', variables: {} }
    const slow = await startPetServer((document) => [
      'application/json',
      JSON.stringify({ ...document, servers: [searching] }),
    ])
    const began = performance.now()
    const server_url = `http://${'a'.repeat(1500)}/`
    expect(await failure(tools.list(connect(slow, { settings: { server_url } })))).toMatch(/^refused: /)
    expect(performance.now() - began).toBeLessThan(1000)
    for (const wrong of [`http://${host}/v3`, `http://${host}/a/v1`, `https://${host}/v1`])
      expect(await failure(tools.list(at(wrong)))).toMatch(/^refused: /)
  })
})

test('what cannot be an address or a name of a key is a fault of the form', () => {
  const base = { document_url: 'https://example.com/openapi.json' }
  for (const settings of [
    { document_url: 'file:///etc/passwd' },
    { document_url: 'https://user:pass@example.com/' },
    { ...base, server_url: 'ftp://example.com' },
    { ...base, authentication: 'api_key', key_name: 'Host' },
    { ...base, authentication: 'api_key', key_name: 'a\r\nb' },
  ])
    expect(() => testConnection(openapiType, { settings, credentials: { key: 'k' } })).toThrow('/settings/')
})
