import { z } from 'zod'
import type { Services } from '../../app.ts'
import { getClaims } from '../../auth/authenticate.ts'
import { AppError } from '../../errors.ts'
import type { App } from '../../http/app-types.ts'
import { decodeKeys, encodeKeys, toPageByKeys } from '../../http/pagination.ts'
import { getIntegration } from '../change-integration.ts'
import { listDeliveries, requeueDelivery } from './delivery-queries.ts'
import { deliveryRoutes as routes } from './delivery-schemas.ts'

const placeSchema = z.tuple([z.uuid()])
const all = '/api/v1/user-agents/:id/integrations/:integration_id/deliveries'
const replay = `${all}/:delivery_id/replay` as const
type Status = 'pending' | 'delivered' | 'failed'

export function addDeliveryRoutes(app: App, services: Services): void {
  const { database } = services

  app.get(all, { schema: routes[`GET ${all}`] }, async (request) => {
    const claims = getClaims(request)
    const { id: userAgentId, integration_id: integrationId } = request.params
    const { limit, cursor } = request.query
    const [afterId] = cursor === undefined ? [null] : decodeKeys(cursor, placeSchema)
    await getIntegration(services, claims, { userAgentId, integrationId })
    const rows = await database.withUser(claims, (tx) =>
      listDeliveries(tx, { integrationId, afterId, limit: limit + 1 }),
    )
    const page = toPageByKeys(rows, limit, (row) => encodeKeys([row.id]))
    return { ...page, data: page.data.map((row) => ({ ...row, status: row.status as Status })) }
  })

  app.post(replay, { schema: routes[`POST ${replay}`] }, async (request) => {
    const claims = getClaims(request)
    const { id: userAgentId, integration_id: integrationId, delivery_id: id } = request.params
    await getIntegration(services, claims, { userAgentId, integrationId })
    const found = await database.withUser(claims, (tx) => requeueDelivery(tx, { id, integrationId }))
    if (!found) throw new AppError('not_found')
    if (!found.isRequeued) throw new AppError('delivery_pending')
    return { ...found.row, status: found.row.status as Status }
  })
}
