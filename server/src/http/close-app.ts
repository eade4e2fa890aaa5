import type { App } from './app-types.ts'

const defaultPatienceMs = 5000

/** Stops listening and waits for what is being answered, but not for ever for a client that neither sends nor reads. */
export async function closeApp(app: App, patienceMs = defaultPatienceMs): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), patienceMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
