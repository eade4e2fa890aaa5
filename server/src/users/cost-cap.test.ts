import { expect, test } from 'vitest'
import { signUpForTest } from '../auth/test-sessions.ts'
import { closeAfterTest } from '../testing/test-app.ts'
import { configureTestAgent, createRunTestApp, postRun } from '../user-agents/run-testing.ts'

test('at one’s own cost cap no run begins and no model is asked, until the cap is raised', async () => {
  const testApp = await createRunTestApp()
  closeAfterTest(testApp)
  const { app, provider, services } = testApp
  // US dollars per million tokens.
  services.models.setOwnPrices(new Map([['compatible/test-model', { input: 10, output: 10 }]]))
  provider.setScript(() => ({ kind: 'text', text: 'Yes.', usage: { input: 1000, output: 1000 } }))
  const user = await signUpForTest(testApp)
  const agent = await configureTestAgent(testApp.database, user)
  const run = () => postRun(app, user.headers, agent, { input: 'Do you ship to Norway?' })
  const cap = (cost_cap_usd: string | null) =>
    app.inject({ method: 'PATCH', url: '/api/v1/me', headers: user.headers, payload: { cost_cap_usd } })

  expect((await run()).json()).toMatchObject({ status: 'succeeded', cost_usd: 0.02 })
  expect((await cap('0.02')).statusCode).toBe(200)
  const asked = provider.requests.length
  const refused = await run()
  expect(refused.statusCode).toBe(429)
  expect(refused.json()).toMatchObject({ code: 'cost_cap_reached', limit: 'cost_cap', limit_value: 0.02, used: 0.02 })
  expect(provider.requests).toHaveLength(asked)
  await cap('0.05')
  expect((await run()).json()).toMatchObject({ status: 'succeeded' })
  await cap('0.00')
  expect((await run()).statusCode).toBe(429)
  await cap(null)
  expect((await run()).json()).toMatchObject({ status: 'succeeded' })
  const limits = await app.inject({ url: '/api/v1/me/limits', headers: user.headers })
  expect(limits.json()).toMatchObject({ usage: { runs: 3, cost_usd: 0.06 }, cost_cap_usd: null })
})
