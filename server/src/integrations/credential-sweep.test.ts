import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import pg from 'pg'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createApp } from '../app.ts'
import { generateSigningKey } from '../auth/signing-key.ts'
import { makeStore, testMigrations } from '../backup/backup-testing.ts'
import { createBackup } from '../backup/create-backup.ts'
import { readConfig } from '../config.ts'
import { addEncryptionKey, rotateKeys } from '../crypto/change-keys.ts'
import { loadKeyring } from '../crypto/load-keyring.ts'
import { openDatabase } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { createLog } from '../log.ts'
import { startTestProvider } from '../runtime/test-providers/start-test-provider.ts'
import { secretStores } from '../secret-stores.ts'
import { createServices } from '../services.ts'
import { createTestDatabase, type TestUser } from '../testing/test-app.ts'
import { configureTestAgent } from '../user-agents/run-testing.ts'
import { askProvider } from './ask-provider.ts'
import { readIntegration } from './change-credentials.ts'
import { createCanaries, type MirrorMode, startMirror, sweep } from './credential-canaries-testing.ts'
import { createSweptTypes, type SweptAccount } from './credential-sweep-accounts-testing.ts'
import { sendDueDeliveries } from './deliveries/send-deliveries.ts'
import type { IntegrationType } from './integration-type.ts'
import { oauthType, startOAuthServer } from './oauth/oauth-server-testing.ts'
import { readTokens } from './stored-credentials.ts'

const publicUrl = 'http://agents.example.test'
const modes: MirrorMode[] = ['ok', 'unauthorized', 'broken', 'elsewhere']

/** The whole server, with its log at the level `trace` and its keys in a file. */
async function startSite(modelUrl: string) {
  const testDatabase = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'agentexpress-sweep-'))
  const lines: string[] = []
  const log = createLog(
    'trace',
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString())
        done()
      },
    }),
  )
  const config = readConfig({
    LOG_LEVEL: 'trace',
    PUBLIC_URL: publicUrl,
    ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
    OLLAMA_BASE_URL: 'http://127.0.0.1:9',
    COMPATIBLE_BASE_URL: modelUrl,
    COMPATIBLE_API_KEY: 'sk-test',
    COMPATIBLE_MODELS: 'test-model',
  })
  const database = openDatabase({
    url: testDatabase.serverUrl,
    poolSize: 5,
    usePreparedStatements: inject('usePreparedStatements'),
    slowQueryMs: 0,
    log,
  })
  const keyWork = { config: { encryptionKeys: undefined, dataDir }, database, stores: secretStores }
  const services = createServices({
    config,
    log,
    database,
    signingKey: await generateSigningKey(),
    keyring: await loadKeyring({ ...keyWork, log }, () => {}),
    nodeId: createId(),
    cancelElsewhere: async () => {},
  })
  const app = await createApp(services)
  onTestFinished(async () => {
    await app.close()
    await Promise.all(services.integrationTypes.map((type) => type.close?.()))
    await database.close()
    await testDatabase.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return { ...testDatabase, database, services, app, lines, keyWork }
}

test('no credential of any type is to be found in the database, the log, an answer, a prompt, a stream or a backup', {
  timeout: 300_000,
}, async () => {
  const mirror = await startMirror()
  const canaries = createCanaries()
  const swept = await createSweptTypes(canaries, mirror)
  const model = await startTestProvider('compatible')
  onTestFinished(() => model.close())
  const site = await startSite(model.url)
  const { services, app, database } = site
  const { integrationTypes } = services

  // Whoever adds a type says here what its credentials are.
  expect(integrationTypes.map(({ type }) => type).sort()).toEqual(Object.keys(swept).sort())
  // A client of the owner's own is used in signing in alone; the one of the operator stands for it below.
  for (const type of integrationTypes)
    for (const [field, { format }] of Object.entries(type.credentials.properties) as [string, { format?: string }][])
      if (format === 'password' && !(type.type === 'mcp' && field === 'client_secret'))
        expect(
          swept[type.type]!.accounts.some(({ credentials }) => field in credentials),
          `${type.type} ${field}`,
        ).toBe(true)
  const provider = await startOAuthServer(`${publicUrl}/api/v1/oauth/callback`)
  const clientSecret = canaries.add('client of the operator', provider.server.clientSecret ?? '')
  const all = [
    ...integrationTypes.map((type) => swept[type.type]?.type ?? type),
    signedInType(provider.server, mirror.url),
  ]
  ;(integrationTypes as IntegrationType[]).splice(0, integrationTypes.length, ...all)

  let hasFault = false
  const answers: [where: string, text: string][] = []
  const user = await site.createUser()
  const send = async (
    method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    url: string,
    payload?: object,
    who = user,
  ) => {
    const answer = await app.inject({ method, url, headers: who.headers, ...(payload && { payload }) })
    answers.push([`answer of ${method} ${url}`, JSON.stringify(answer.headers) + answer.body])
    if (!hasFault) expect(answer.statusCode, `${method} ${url} ${answer.body}`).not.toBe(500)
    return answer
  }
  const ids = { userAgents: [] as string[], integrations: [] as [string, string][], runs: [] as string[] }
  let isStreamed = false
  const callTools = async (userAgentId: string, calls: [string, object][]) => {
    if (calls.length === 0) return
    isStreamed = !isStreamed
    model.setScript([
      { kind: 'tool-calls', calls: calls.map(([name, input]) => ({ name, input })) },
      { kind: 'text', text: 'Done.' },
    ])
    const run = await send('POST', `/api/v1/user-agents/${userAgentId}/runs`, { input: 'Do it.', stream: isStreamed })
    const id = /"(?:id|messageId)":"([0-9a-f-]{36})"/.exec(run.body)?.[1]
    if (id) ids.runs.push(id)
    const waiting = (await send('GET', '/api/v1/approvals?status=pending')).json().data as { id: string }[]
    for (const approval of waiting) {
      await send('GET', `/api/v1/approvals/${approval.id}`)
      await send('POST', `/api/v1/approvals/${approval.id}/decision`, { decision: 'approve', stream: isStreamed })
    }
  }

  const newUserAgent = async () => {
    const id = await configureTestAgent(database, user, { capabilities: { tools: [], knowledge: [] } })
    ids.userAgents.push(id)
    return id
  }
  /** Tested, connected, tested, used, listed and entered again, at a server that behaves in each of the bad ways. */
  const live = async (type: string, { settings, credentials, calls }: SweptAccount) => {
    const userAgentId = await newUserAgent()
    const base = `/api/v1/user-agents/${userAgentId}/integrations`
    const body = { type, settings, credentials }
    mirror.mode = 'ok'
    const made = await send('POST', base, body)
    expect(made.statusCode, made.body).toBe(201)
    const { id } = made.json() as { id: string }
    ids.integrations.push([userAgentId, id])
    for (const mode of modes) {
      mirror.mode = mode
      await send('POST', `${base}/test`, body)
      await send('POST', `/api/v1/integration-types/${type}/test`, { settings, credentials })
      await send('PATCH', `${base}/${id}`, { credentials, name: mode })
      await send('POST', `${base}/${id}/test`)
      await send('PATCH', `${base}/${id}`, { credentials })
      const { tools } = (await send('GET', `${base}/${id}`)).json() as { tools: { name: string; effect: string }[] }
      for (const { name } of tools.filter(({ effect }) => effect === 'writes'))
        await send('PUT', `${base}/${id}/tools/${name}`, { permission: mode === 'ok' ? 'ask' : 'always' })
      // A tool that was refused asks for other credentials, so each has its turn.
      for (const [name, input] of Object.entries(calls)) {
        await send('PATCH', `${base}/${id}`, { credentials })
        await callTools(userAgentId, [[`${type}__${name}`, input]])
      }
      await sendDueDeliveries(services, AbortSignal.timeout(20_000))
      await send('GET', base)
    }
  }
  for (const [type, { accounts }] of Object.entries(swept)) for (const account of accounts) await live(type, account)
  await signInAndUse()

  async function signInAndUse() {
    const userAgentId = await newUserAgent()
    const base = `/api/v1/user-agents/${userAgentId}/integrations`
    const { id } = (await send('POST', base, { type: 'signed_in' })).json()
    const key = { integrationId: id, ownerId: user.id }
    const begun = (await send('POST', `${base}/${id}/authorization`)).json()
    const back = await provider.signIn(begun.authorization_url)
    canaries.add('code of the sign-in', back.searchParams.get('code') ?? '')
    await send('GET', `${back.pathname}${back.search}`)
    for (const mode of modes) {
      mirror.mode = mode
      const tokens = readTokens((await readIntegration(services, key)).credentials)
      canaries.add(`access token, ${mode}`, tokens?.access_token ?? '')
      canaries.add(`refresh token, ${mode}`, tokens?.refresh_token ?? '')
      // This type throws what no type should.
      hasFault = mode !== 'ok'
      await send('POST', `${base}/${id}/test`)
      hasFault = false
      await callTools(userAgentId, [['signed_in__echo', {}]])
      await sleep(600)
    }
    expect(provider.grants.refresh_token).toBeGreaterThan(0)
    await send('GET', `${base}/${id}`)
    await send('DELETE', `${base}/${id}`)
    expect(provider.revoked).toBeGreaterThan(0)
  }

  // They were really used: the hostile servers have them all.
  const got = mirror.got.join('\n')
  const used = [...Object.values(swept)].filter(({ isKept }) => !isKept).length
  expect(used).toBeGreaterThan(5)
  for (const { of, core } of canaries.all)
    if (/^(http|mcp|openapi|slack|github|brave|tavily)/.test(of))
      expect(got.includes(core), `${of} was used`).toBe(true)
  expect(ids.runs.length).toBeGreaterThan(40)

  await readEverything()
  await addEncryptionKey({ ...site.keyWork, say: () => {}, onProgress: () => {} })
  await rotateKeys({ ...site.keyWork, say: () => {}, onProgress: () => {} })
  for (const [userAgentId, id] of ids.integrations.slice(0, 3))
    await send('POST', `/api/v1/user-agents/${userAgentId}/integrations/${id}/test`)

  async function readEverything() {
    const { paths } = (await send('GET', '/openapi.json')).json() as { paths: Record<string, Record<string, unknown>> }
    const first = ids.integrations.slice(0, 40)
    const admin: TestUser = await site.createUser('admin')
    let read = 0
    for (const [path, methods] of Object.entries(paths)) {
      if (!methods.get) continue
      const urls = new Set<string>()
      for (const [userAgentId, integrationId] of first)
        for (const runId of ids.runs.slice(0, path.startsWith('/api/v1/agent-logs/{') ? undefined : 1))
          urls.add(
            path
              .replace('/agent-logs/{id}', `/agent-logs/${runId}`)
              .replace('{integration_id}', integrationId)
              .replace('{type}', 'http')
              .replace(/\{\w+\}/g, userAgentId),
          )
      for (const url of urls)
        for (const who of [user, admin]) if ((await send('GET', url, undefined, who)).statusCode === 200) read++
    }
    expect(read).toBeGreaterThan(100)
  }

  const places = async (): Promise<[string, string][]> => [
    ...answers,
    ...site.lines.map((line): [string, string] => [`log ${line.slice(0, 300)}`, line]),
    ...model.requests.map((request): [string, string] => ['prompt', JSON.stringify(request)]),
    ...(await readTables(site.ownerUrl)),
    ...(await readBackup(site.ownerUrl)),
  ]
  expect(site.lines.length).toBeGreaterThan(100)
  expect(model.requests.length).toBeGreaterThan(40)
  expect(sweep(canaries.all, await places())).toEqual([])

  // The sweep can find something.
  const [one] = canaries.all
  await send('PATCH', '/api/v1/me', { first_name: Buffer.from(`xy${one?.core}yz`).toString('base64').slice(0, 60) })
  services.log.info({ url: `/x?key=${encodeURIComponent(one?.secret ?? '')}` }, 'planted')
  const found = sweep(canaries.all, await places())
  for (const where of ['public.users', 'answer of PATCH /api/v1/me', 'log', 'backup'])
    expect(
      found.some((each) => each.startsWith(`${one?.of} in ${where}`) || each.includes(where)),
      where,
    ).toBe(true)
  expect(clientSecret.length).toBeGreaterThan(10)
})

/** Signed in by OAuth; its tool repeats the token that it was given. */
function signedInType(
  server: Parameters<typeof oauthType>[0] extends () => infer S ? S : never,
  url: string,
): IntegrationType {
  const ask = async (connection: Parameters<IntegrationType['test']>[0]) => {
    const headers = { authorization: `Bearer ${await connection.getAccessToken()}` }
    const { status, text } = await askProvider(connection, new URL(`${url}/mine`), { headers })
    if (status !== 200) throw new Error(`It said ${text}`)
    return text
  }
  return oauthType(() => server, {
    test: async (connection) => ({ message: await ask(connection) }),
    tools: [
      {
        name: 'echo',
        title: 'Echo',
        description: 'Repeats what it got.',
        inputSchema: { type: 'object', properties: {}, additionalProperties: false },
        effect: 'reads',
        isUntrusted: true,
        execute: async (_input, connection) => ({ said: await ask(connection) }),
      },
    ],
  })
}

/** Every row of every table and partition as text. */
async function readTables(ownerUrl: string): Promise<[string, string][]> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
       where relkind = 'r' and nspname !~ '^(pg_|information_schema$)' order by 1`,
    )
    expect(tables.length).toBeGreaterThan(20)
    const texts: [string, string][] = []
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(`select t::text as text from ${name} t`)
      texts.push(...rows.map(({ text }): [string, string] => [name, text]))
    }
    return texts
  } finally {
    await client.end()
  }
}

/** A backup that is not encrypted, as the worst case, and what lies beside it. */
async function readBackup(ownerUrl: string): Promise<[string, string][]> {
  const store = await makeStore()
  const encryption = { kind: 'none' } as const
  await createBackup({ ownerUrl, store, encryption, migrations: await testMigrations, agentexpress: '0' })
  return await Promise.all(
    (await readdir(store.label)).map(async (name): Promise<[string, string]> => {
      const bytes = await readFile(join(store.label, name))
      return [`backup ${name}`, (name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes).toString('latin1')]
    }),
  )
}
