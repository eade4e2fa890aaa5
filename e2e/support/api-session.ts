/** What a person does through the API, for stories whose subject is something else. */
export interface ApiSession {
  token: string
  headers: { authorization: string }
  get(path: string): Promise<Response>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
}

export function openApiSession(url: string, token: string): ApiSession {
  const headers = { authorization: `Bearer ${token}` }
  return {
    token,
    headers,
    get: (path) => fetch(`${url}/api/v1${path}`, { headers }),
    post: (path, body, more) =>
      fetch(`${url}/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers, ...more },
        body: JSON.stringify(body),
      }),
  }
}

export const password = 'correct horse battery'

export async function signUp(url: string, email: string): Promise<ApiSession> {
  const response = await openApiSession(url, '').post('/auth/sign-up', { email, password })
  const body = await response.json()
  if (!response.ok) throw new Error(`Sign-up failed: ${JSON.stringify(body)}`)
  return openApiSession(url, body.access_token)
}

/** A user agent of the first ready-made agent of this type, on the answers of its example. Answers its id. */
export async function configureAgent(session: ApiSession, type = 'customer_service'): Promise<string> {
  const { data } = await (await session.get(`/agents?type=${type}`)).json()
  const agent = await (await session.get(`/agents/${data[0].id}`)).json()
  const body = { agent_id: agent.id, settings: agent.capabilities.example_settings }
  const response = await session.post('/user-agents', body)
  const userAgent = await response.json()
  if (!response.ok) throw new Error(`The agent could not be configured: ${JSON.stringify(userAgent)}`)
  return userAgent.id
}

export interface Log {
  id: string
  status: string
  input: string
  output: string | null
  error_code: string | null
}

export async function listLogs(session: ApiSession): Promise<Log[]> {
  const logs: Log[] = []
  let cursor: string | null = null
  do {
    const response = await session.get(`/agent-logs?limit=200${cursor ? `&cursor=${cursor}` : ''}`)
    const page = (await response.json()) as { data: Log[]; next_cursor: string | null }
    logs.push(...page.data)
    cursor = page.next_cursor
  } while (cursor)
  return logs
}
