import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { readForecast } from './read-forecast.ts'
import { readUsage } from './usage-queries.ts'
import { usageRoutes } from './usage-schemas.ts'

// SQLSTATE invalid_parameter_value: PostgreSQL's list of time zones may be older than ours.
const unknownTimeZone = '22023'

export function addUsageRoutes(app: App, { database }: Pick<Services, 'database'>): void {
  app.get('/api/v1/usage', { schema: usageRoutes['GET /api/v1/usage'] }, async (request) => {
    try {
      return await database.withUser(getClaims(request), (tx) => readUsage(tx, request.query))
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== unknownTimeZone) throw cause
      const message = 'The database does not know this time zone.'
      throw new AppError('invalid_request', { faults: [{ path: '/time_zone', message }], cause })
    }
  })

  app.get('/api/v1/usage/forecast', { schema: usageRoutes['GET /api/v1/usage/forecast'] }, (request) => {
    const claims = getClaims(request)
    return database.withUser(claims, (tx) => readForecast(tx, claims.sub))
  })
}
