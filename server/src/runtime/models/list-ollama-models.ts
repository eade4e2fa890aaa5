/** Names of the models Ollama has pulled; empty when it is not there or does not answer within half a second. */
export async function listOllamaModels(baseUrl: string, fetch: typeof globalThis.fetch): Promise<string[]> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), 500)
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/api/tags`, {
      headers: { accept: 'application/json' },
      signal: controller.signal,
    })
    if (!response.ok) return []
    const body = (await response.json()) as { models?: { name?: unknown }[] }
    return (body.models ?? []).flatMap(({ name }) => (typeof name === 'string' ? name : []))
  } catch {
    return []
  } finally {
    clearTimeout(timer)
  }
}
