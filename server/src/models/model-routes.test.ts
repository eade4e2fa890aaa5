import { expect, test } from 'vitest'
import { closeAfterTest, createTestApp } from '../testing/test-app.ts'

const builtIn = { id: 'built-in/retrieval', provider: 'built-in', label: expect.any(String), is_built_in: true }

test('without any key the built-in model is on offer and the default', async () => {
  const app = await createTestApp()
  closeAfterTest(app)
  const user = await app.createUser()
  const response = await app.app.inject({ url: '/api/v1/models', headers: user.headers })
  expect(response.statusCode).toBe(200)
  expect(response.json()).toEqual({ data: [{ ...builtIn, is_default: true }] })
})

test('the default comes first and is the only default; nothing of the keys is told', async () => {
  const app = await createTestApp({
    OPENAI_API_KEY: 'sk-secret',
    MODELS: 'openai/gpt-5-mini,openai/gpt-5,built-in/retrieval',
    DEFAULT_MODEL: 'openai/gpt-5',
  })
  closeAfterTest(app)
  const user = await app.createUser()
  const response = await app.app.inject({ url: '/api/v1/models', headers: user.headers })
  const { data } = response.json()
  expect(data[0]).toMatchObject({ id: 'openai/gpt-5', provider: 'openai', is_built_in: false, is_default: true })
  expect(data.at(-1)).toEqual({ ...builtIn, is_default: false })
  expect(data.filter((model: { is_default: boolean }) => model.is_default)).toHaveLength(1)
  expect(response.body).not.toContain('sk-secret')
})

test('a stranger must sign in', async () => {
  const app = await createTestApp()
  closeAfterTest(app)
  const response = await app.app.inject({ url: '/api/v1/models' })
  expect(response.statusCode).toBe(401)
})
