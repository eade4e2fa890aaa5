import type { z } from 'zod'
import { insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import type { TestApp, TestUser } from '../testing/test-app.ts'
import type { integrationSchema } from './integration-schemas.ts'

export type WireIntegration = z.input<typeof integrationSchema> & { new_secrets: Record<string, string> }

/** A user agent with the calls of the API that are about what is connected to it. */
export async function prepareUserAgent(site: TestApp, user: TestUser) {
  const { userAgentId } = await insertTestUserAgent(site.database, user.id)
  const base = `/api/v1/user-agents/${userAgentId}/integrations`
  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, payload?: object) => {
    const answer = await site.app.inject({
      method,
      url: `${base}${path}`,
      headers: user.headers,
      ...(payload && { payload }),
    })
    return { status: answer.statusCode, text: answer.body, json: () => answer.json() }
  }
  return {
    userAgentId,
    base,
    send,
    async connect(payload: object): Promise<WireIntegration> {
      const answer = await send('POST', '', payload)
      if (answer.status !== 201) throw new Error(answer.text)
      return answer.json()
    },
    async read(id: string): Promise<WireIntegration> {
      return (await send('GET', `/${id}`)).json()
    },
  }
}
