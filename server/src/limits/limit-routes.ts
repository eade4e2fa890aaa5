import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { describeLimits } from './describe-limits.ts'
import { limitRoutes } from './limit-schemas.ts'
import { readStanding } from './read-standing.ts'

export function addLimitRoutes(app: App, { database }: Pick<Services, 'database'>): void {
  app.get('/api/v1/me/limits', { schema: limitRoutes['GET /api/v1/me/limits'] }, async (request) => {
    const claims = getClaims(request)
    return describeLimits(await database.withUser(claims, (tx) => readStanding(tx, claims.sub)))
  })
}
