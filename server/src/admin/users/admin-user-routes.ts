import type { Services } from '../../app.ts'
import { getClaims } from '../../auth/authenticate.ts'
import { AppError } from '../../errors.ts'
import type { App } from '../../http/app-types.ts'
import { decodeCursor, toPage } from '../../http/pagination.ts'
import { describeLimits } from '../../limits/describe-limits.ts'
import { readStanding } from '../../limits/read-standing.ts'
import { updateAccount } from '../../users/update-account.ts'
import { countSessions, findAdminUser, listAdminUsers, readUserDays } from './admin-user-queries.ts'
import { type AdminUserDetail, adminUserRoutes } from './admin-user-schemas.ts'
import { signOutUser } from './sign-out-user.ts'

const daysShown = 30

export function addAdminUserRoutes(app: App, { database }: Pick<Services, 'database'>): void {
  const config = { access: 'admin' } as const
  app.get('/api/v1/admin/users', { schema: adminUserRoutes['GET /api/v1/admin/users'], config }, async (request) => {
    const { limit, cursor, ...filter } = request.query
    const afterId = cursor === undefined ? undefined : decodeCursor(cursor).id
    const users = await database.asSystem('admins see plan and usage of every account', (tx) =>
      listAdminUsers(tx, filter, { afterId, limit: limit + 1 }),
    )
    return toPage(users, limit, ({ created_at, id }) => ({ timestamp: created_at, id }))
  })

  app.get('/api/v1/admin/users/:id', { schema: adminUserRoutes['GET /api/v1/admin/users/:id'], config }, (request) =>
    database.asSystem('admins see plan and usage of every account', async (tx): Promise<AdminUserDetail> => {
      const { id } = request.params
      const user = await findAdminUser(tx, id)
      if (!user) throw new AppError('not_found')
      const { usage, cost_cap_usd, limits } = describeLimits(await readStanding(tx, id))
      const { api_keys, user_agents, integrations } = usage
      return {
        user,
        cost_cap_usd,
        sessions: await countSessions(tx, id),
        ...{ api_keys, user_agents, integrations },
        limits: limits.flatMap(({ name, limit, used }) => (used === null ? [] : [{ name, limit, used }])),
        days: await readUserDays(tx, id, daysShown),
      }
    }),
  )

  app.patch(
    '/api/v1/admin/users/:id',
    { schema: adminUserRoutes['PATCH /api/v1/admin/users/:id'], config },
    async (request) => {
      const { id } = request.params
      await updateAccount(database, getClaims(request).sub, id, request.body)
      const user = await database.asSystem('admins see plan and usage of every account', (tx) => findAdminUser(tx, id))
      if (!user) throw new AppError('not_found')
      return user
    },
  )

  app.post(
    '/api/v1/admin/users/:id/sign-out',
    { schema: adminUserRoutes['POST /api/v1/admin/users/:id/sign-out'], config },
    (request) =>
      signOutUser(database, {
        adminId: getClaims(request).sub,
        userId: request.params.id,
        withApiKeys: request.query.api_keys,
      }),
  )
}
