import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadCatalogue } from '../catalogue/load-catalogue.ts'
import { readCatalogue } from '../catalogue/read-catalogue.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(() => app.close())

test('strangers and users see the same plans, cheapest first, as the file has them', async () => {
  const { plans } = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  await loadCatalogue(app.database, { agents: [], plans: plans.toReversed() })
  const user = await app.createUser()
  for (const headers of [{}, user.headers]) {
    const response = await app.app.inject({ url: '/api/v1/plans', headers })
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({ data: plans.map((plan) => ({ id: expect.any(String), ...plan })) })
  }
})

test('nobody changes them over the API', async () => {
  const admin = await app.createUser('admin')
  for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
    const response = await app.app.inject({ method, url: '/api/v1/plans', headers: admin.headers })
    expect(response.statusCode).toBe(404)
  }
})
