import { z } from 'zod'
import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { Claims, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { decodeCursor, decodeKeys, encodeKeys, toPage, toPageByKeys } from '../http/pagination.ts'
import { typedText } from '../http/schemas.ts'
import { prepareRevocation } from '../integrations/revoke-access.ts'
import { requirePlan, requireSwitch } from '../limits/require-in-plan.ts'
import {
  type AgentPlace,
  listAgents,
  listPublicationRequests,
  requestPublication,
  withdrawPublication,
} from './agent-queries.ts'
import { agentRoutes } from './agent-schemas.ts'
import { addAgent, editAgent, getAgent, getAgentOfCreator, removeAgent } from './change-agent.ts'
import { decidePublication } from './decide-publication.ts'
import { parseCapabilities } from './parse-capabilities.ts'
import { toAgent, toAgentSummaries, toAgents } from './to-agent.ts'

const placeSchema = z.tuple([z.boolean(), typedText(200), z.uuid()])
/** A page carries whole agents, of up to 300 kB each. */
const maxWholeAgents = 50

export function addAgentRoutes(app: App, services: Services): void {
  addReadingRoutes(app, services)
  addCreatorRoutes(app, services)
  addAdminRoutes(app, services)
}

function addReadingRoutes(app: App, { database }: Services): void {
  const withViewer = <T>(viewer: Claims | null, work: (tx: Tx) => Promise<T>) =>
    viewer ? database.withUser(viewer, work) : database.asAnonymous(work)

  app.get(
    '/api/v1/agents',
    { schema: agentRoutes['GET /api/v1/agents'], config: { access: 'public' } },
    async (request) => {
      const { search, type, mine, limit, cursor } = request.query
      const viewer = request.signedInUser?.claims ?? null
      const isMine = mine === 'true'
      if (isMine && !viewer) throw new AppError('unauthenticated')
      const after: AgentPlace | null = cursor === undefined ? null : decodeKeys(cursor, placeSchema)
      const rows = await withViewer(viewer, (tx) =>
        listAgents(tx, { userId: viewer?.sub ?? null, isMine, search, type, after, limit: limit + 1 }),
      )
      const page = toPageByKeys(rows, limit, (row) => encodeKeys([row.slug === null, row.name, row.id]))
      return { data: await toAgentSummaries(database, viewer, page.data), next_cursor: page.next_cursor }
    },
  )

  app.get(
    '/api/v1/agents/:id',
    { schema: agentRoutes['GET /api/v1/agents/:id'], config: { access: 'public' } },
    async (request) => {
      const viewer = request.signedInUser?.claims ?? null
      return toAgent(database, viewer, await withViewer(viewer, (tx) => getAgent(tx, request.params.id)))
    },
  )
}

function addCreatorRoutes(app: App, services: Services): void {
  const { database } = services
  app.post('/api/v1/agents', { schema: agentRoutes['POST /api/v1/agents'] }, async (request, reply) => {
    const claims = getClaims(request)
    const agent = { ...request.body, capabilities: parseCapabilities(request.body.capabilities) }
    const row = await database.withUser(claims, async (tx) => {
      await requirePlan(tx, claims)
      return await addAgent(tx, claims.sub, agent)
    })
    return reply.status(201).send(await toAgent(database, claims, row))
  })

  app.patch('/api/v1/agents/:id', { schema: agentRoutes['PATCH /api/v1/agents/:id'] }, async (request) => {
    const claims = getClaims(request)
    const { capabilities, ...rest } = request.body
    const edit = { ...rest, capabilities: capabilities && parseCapabilities(capabilities) }
    const row = await database.withUser(claims, (tx) => editAgent(tx, claims.sub, request.params.id, edit))
    return toAgent(database, claims, row)
  })

  app.delete('/api/v1/agents/:id', { schema: agentRoutes['DELETE /api/v1/agents/:id'] }, async (request, reply) => {
    const claims = getClaims(request)
    const { id } = request.params
    const force = request.query.force === 'true'
    const revokeAll = force ? await prepareRevocation(services, claims, { agentId: id }) : null
    await removeAgent(database, claims, { id, force })
    await revokeAll?.()
    return reply.status(204).send(null)
  })

  app.post(
    '/api/v1/agents/:id/publication',
    { schema: agentRoutes['POST /api/v1/agents/:id/publication'] },
    async (request) => {
      const claims = getClaims(request)
      const key = { id: request.params.id, creatorId: claims.sub }
      const row = await database.withUser(claims, async (tx) => {
        await requireSwitch(tx, claims, 'publishing')
        await requestPublication(tx, key)
        return getAgentOfCreator(tx, key.id, key.creatorId)
      })
      return toAgent(database, claims, row)
    },
  )

  app.delete(
    '/api/v1/agents/:id/publication',
    { schema: agentRoutes['DELETE /api/v1/agents/:id/publication'] },
    async (request) => {
      const claims = getClaims(request)
      const key = { id: request.params.id, creatorId: claims.sub }
      const row = await database.withUser(claims, async (tx) => {
        await withdrawPublication(tx, key)
        return getAgentOfCreator(tx, key.id, key.creatorId)
      })
      return toAgent(database, claims, row)
    },
  )
}

function addAdminRoutes(app: App, { database }: Services): void {
  app.get(
    '/api/v1/admin/publication-requests',
    { schema: agentRoutes['GET /api/v1/admin/publication-requests'], config: { access: 'admin' } },
    async (request) => {
      const claims = getClaims(request)
      const limit = Math.min(request.query.limit, maxWholeAgents)
      const after = request.query.cursor === undefined ? null : decodeCursor(request.query.cursor)
      const rows = await database.withUser(claims, (tx) => listPublicationRequests(tx, { after, limit: limit + 1 }))
      const page = toPage(rows, limit, ({ id, publication_requested_at }) => ({
        // The list holds only rows that have one.
        timestamp: publication_requested_at ?? new Date(0),
        id,
      }))
      // One request must not stand in the way of all others.
      const agents = await toAgents(database, claims, page.data, (agent_id, error) =>
        request.log.warn({ agent_id, error: String(error) }, 'an agent that waits for publication cannot be read'),
      )
      return { data: agents, next_cursor: page.next_cursor }
    },
  )

  app.post(
    '/api/v1/admin/agents/:id/publication',
    { schema: agentRoutes['POST /api/v1/admin/agents/:id/publication'], config: { access: 'admin' } },
    async (request) => {
      const claims = getClaims(request)
      const row = await decidePublication(database, claims, { id: request.params.id, ...request.body })
      return toAgent(database, claims, row)
    },
  )
}
