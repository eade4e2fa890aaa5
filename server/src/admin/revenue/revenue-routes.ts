import type { Services } from '../../app.ts'
import type { App } from '../../http/app-types.ts'
import { readRevenue } from './read-revenue.ts'
import { type Revenue, revenueRoutes } from './revenue-schemas.ts'

/** It reads the history of everybody: admins who look at it at once look at the same answer. */
const rememberMs = 60_000
const statementTimeoutMs = 30_000

export function addRevenueRoutes(app: App, { database }: Pick<Services, 'database'>): void {
  const remembered = new Map<number, { at: number; answer: Promise<Revenue> }>()
  app.get(
    '/api/v1/admin/revenue',
    { schema: revenueRoutes['GET /api/v1/admin/revenue'], config: { access: 'admin' } },
    (request) => {
      const { months } = request.query
      const last = remembered.get(months)
      if (last && performance.now() - last.at < rememberMs) return last.answer
      const answer = database.asSystem(
        'admins see revenue and cost of all users together',
        (tx) => readRevenue(tx, { months, now: new Date() }),
        { statementTimeoutMs },
      )
      remembered.set(months, { at: performance.now(), answer })
      answer.catch(() => remembered.delete(months))
      return answer
    },
  )
}
