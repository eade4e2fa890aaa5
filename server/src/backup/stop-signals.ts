/**
 * Runs `work`, which ends early and tidies up when its signal is aborted: at Ctrl-C, SIGTERM, or when the terminal is
 * closed. A signal a second after the first means now.
 */
export async function withStopSignals<T>(
  say: (text: string) => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController()
  let stoppingSince: number | null = null
  const stop = () => {
    if (stoppingSince === null) {
      stoppingSince = performance.now()
      stopping.abort()
      say('Stopping: what is half-done is taken away first')
      // A terminal and npm both pass Ctrl-C on: the second one within a second is still the first wish.
    } else if (performance.now() - stoppingSince > 1000) process.exit(1)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, stop)
  try {
    return await work(stopping.signal)
  } finally {
    for (const name of signals) process.off(name, stop)
  }
}
