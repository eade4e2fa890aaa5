/** What a user of the API goes through once: sign up, make a key, pick an agent and take its example settings. */
export async function signUpAndConfigure(url: string, models: string[]) {
  const request = async <Answer>(
    method: string,
    path: string,
    token: string | null,
    body?: unknown,
  ): Promise<Answer> => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text) as Answer
  }
  const { user, access_token } = await request<{ user: { id: string }; access_token: string }>(
    'POST',
    'auth/sign-up',
    null,
    { email: 'benchmark@example.test', password: 'a benchmark is not a secret' },
  )
  const { key } = await request<{ key: string }>('POST', 'api-keys', access_token, { name: 'benchmark' })
  const agents = await request<{ data: { id: string; slug: string | null }[] }>('GET', 'agents?limit=50', key)
  const agentId = agents.data.find(({ slug }) => slug === 'customer-service')?.id ?? ''
  const agent = await request<{ capabilities: { example_settings: unknown } }>('GET', `agents/${agentId}`, key)
  const userAgentIds: string[] = []
  for (const model of models) {
    const settings = agent.capabilities.example_settings
    const created = await request<{ id: string }>('POST', 'user-agents', key, { agent_id: agentId, settings, model })
    userAgentIds.push(created.id)
  }
  return { userId: user.id, agentId, userAgentIds, key }
}
