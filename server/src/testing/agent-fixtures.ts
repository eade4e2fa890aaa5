import type { z } from 'zod'
import type { agentSchema } from '../agents/agent-schemas.ts'
import type { Capabilities } from '../agents/capabilities.ts'
import type { TestApp, TestUser } from './test-app.ts'

export type WireAgent = z.input<typeof agentSchema>

/** An agent that asks for a name and a list of questions, as a test sends it. */
export function exampleCapabilities(change: Partial<Capabilities> = {}) {
  return {
    instructions: 'You answer customers of {{settings.business_name}}.',
    settings: {
      type: 'object',
      // In an order that jsonb, which sorts keys by length, would not keep.
      properties: {
        business_name: { type: 'string', title: 'What is your shop called?', maxLength: 50 },
        faq: {
          type: 'array',
          title: 'Questions and answers',
          items: {
            type: 'object',
            properties: {
              question: { type: 'string', title: 'Question' },
              answer: { type: 'string', title: 'Answer' },
              kind: { type: 'string', title: 'Kind', default: 'general' },
            },
            required: ['question', 'answer'],
          },
        },
        tone: { type: 'string', title: 'Tone', enum: ['warm', 'dry'], default: 'warm' },
      },
      required: ['business_name'],
    },
    example_settings: { business_name: 'Lamp & Co' },
    starters: ['Do you ship abroad?'],
    tools: ['search_knowledge'],
    knowledge: ['faq'],
    ...change,
  }
}

/** What an agent is made of, as a test sends it. */
export function exampleAgent(change: object = {}) {
  return {
    name: 'Shop helper',
    description: 'Answers your customers.',
    type: 'customer_service',
    capabilities: exampleCapabilities(),
    ...change,
  }
}

export async function createAgentOf(app: TestApp, user: TestUser, change: object = {}): Promise<WireAgent> {
  const response = await app.app.inject({
    method: 'POST',
    url: '/api/v1/agents',
    headers: user.headers,
    payload: exampleAgent(change),
  })
  if (response.statusCode !== 201) throw new Error(response.body)
  return response.json()
}

/** Asks for publication and has the admin agree. */
export async function publishAgentOf(app: TestApp, user: TestUser, admin: TestUser, id: string): Promise<WireAgent> {
  await app.app.inject({ method: 'POST', url: `/api/v1/agents/${id}/publication`, headers: user.headers })
  const response = await app.app.inject({
    method: 'POST',
    url: `/api/v1/admin/agents/${id}/publication`,
    headers: admin.headers,
    payload: { decision: 'publish' },
  })
  if (response.statusCode !== 200) throw new Error(response.body)
  return response.json()
}
