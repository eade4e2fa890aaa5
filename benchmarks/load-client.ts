import { Client, type Dispatcher } from 'undici'

/* Keeps a number of connections busy, each with one request after the other, in a process of its own. */

export interface LoadOrder {
  url: string
  headers: Record<string, string>
  body: string
  connections: number
  seconds: number
}

export interface Load {
  /** Requests answered with 200; those under way at the end are waited for and counted. */
  runs: number
  failures: number
  elapsedMs: number
  p50Ms: number
  p99Ms: number
}

class Connection implements Dispatcher.DispatchHandler {
  readonly #client: Client
  readonly #request: Dispatcher.DispatchOptions
  readonly #deadline: number
  readonly #latencies: number[]
  readonly #done: () => void
  #sentAt = 0
  #status = 0
  failures = 0

  constructor(order: LoadOrder, deadline: number, latencies: number[], done: () => void) {
    const url = new URL(order.url)
    this.#client = new Client(url.origin, { pipelining: 1, bodyTimeout: 60_000, headersTimeout: 60_000 })
    this.#request = { path: url.pathname, method: 'POST', headers: order.headers, body: order.body }
    this.#deadline = deadline
    this.#latencies = latencies
    this.#done = done
  }

  send() {
    this.#sentAt = performance.now()
    this.#client.dispatch(this.#request, this)
  }

  onRequestStart() {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number) {
    this.#status = status
  }

  onResponseData() {}

  onResponseEnd() {
    if (this.#status === 200) this.#latencies.push(performance.now() - this.#sentAt)
    else this.failures++
    this.#next()
  }

  onResponseError() {
    this.failures++
    this.#next()
  }

  #next() {
    if (performance.now() < this.#deadline) return this.send()
    this.#client.close().then(this.#done, this.#done)
  }
}

async function runLoad(order: LoadOrder): Promise<Load> {
  const latencies: number[] = []
  const startedAt = performance.now()
  const deadline = startedAt + order.seconds * 1000
  let failures = 0
  await Promise.all(
    Array.from(
      { length: order.connections },
      () =>
        new Promise<void>((resolve) => {
          const connection = new Connection(order, deadline, latencies, () => {
            failures += connection.failures
            resolve()
          })
          connection.send()
        }),
    ),
  )
  const elapsedMs = performance.now() - startedAt
  latencies.sort((left, right) => left - right)
  const percentile = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { runs: latencies.length, failures, elapsedMs, p50Ms: percentile(0.5), p99Ms: percentile(0.99) }
}

process.on('message', (order: LoadOrder) => {
  runLoad(order).then((load) => process.send?.(load))
})
process.on('disconnect', () => process.exit())
