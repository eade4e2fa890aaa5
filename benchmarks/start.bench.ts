import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { listProcessTree, type Memory, readMemory } from './process-usage.ts'
import { signUpAndConfigure } from './sign-up-and-configure.ts'
import {
  createDataFolder,
  findEmbeddedDatabase,
  type StartedProcess,
  startAgentExpress,
  startScript,
} from './start-processes.ts'
import { formatStart } from './start-report.ts'
import { describeSurroundings, median, writeResults } from './write-results.ts'

/*
 * How long from the command to the first healthy answer, on an empty folder and with a database that is there; and how
 * much memory server and embedded PostgreSQL hold together, idle and after load.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    'idle-seconds': { type: 'string', default: '30' },
    runs: { type: 'string', default: '2000' },
    // The build writes into web/dist, which others may be using.
    'without-web-build': { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const idleSeconds = Number(values['idle-seconds'])
const runs = Number(values.runs)
const webApp = join(import.meta.dirname, '../web/dist')

export interface StartTimes {
  healthy_seconds: number
  ready_seconds: number
}

export interface Held {
  server: Memory
  postgres: Memory
}

async function main(): Promise<void> {
  // Before anything is measured: a web app that is built, and files that the system has read once.
  await startOnce(await createDataFolder()).then(finish)
  const firstRuns: StartTimes[] = []
  const laterRuns: StartTimes[] = []
  for (let round = 0; round < rounds; round++) {
    const folder = await createDataFolder()
    const first = await startOnce(folder)
    firstRuns.push(first.times)
    await first.server.stop()
    const later = await startOnce(folder)
    laterRuns.push(later.times)
    await finish(later)
  }
  const withBuild = values['without-web-build'] ? null : await startWithBuild()
  const { memory, surroundings } = await measureMemory()
  const results = {
    surroundings,
    rounds,
    first_run: medianTimes(firstRuns),
    existing_database: medianTimes(laterRuns),
    first_run_with_web_build: withBuild,
    idle_seconds: idleSeconds,
    runs,
    memory,
  }
  await writeResults('start', results, formatStart(results))
}

interface Started {
  times: StartTimes
  server: StartedProcess
  folder: { path: string; remove(): Promise<void> }
}

async function startOnce(folder: Started['folder'], variables?: Record<string, string>): Promise<Started> {
  const startedAt = performance.now()
  const server = await startAgentExpress(folder.path, variables)
  const after = async (path: string) => {
    const response = await fetch(server.url + path)
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
    return (performance.now() - startedAt) / 1000
  }
  const healthy_seconds = await after('/healthz')
  return { times: { healthy_seconds, ready_seconds: await after('/readyz') }, server, folder }
}

async function finish({ server, folder }: Started): Promise<void> {
  await server.stop()
  await folder.remove()
}

/** The built web app is put aside, so that the start has to build it; it is put back if that fails. */
async function startWithBuild(): Promise<StartTimes> {
  const aside = `${webApp}-before-benchmark`
  await rm(aside, { recursive: true, force: true })
  await rename(webApp, aside)
  try {
    const started = await startOnce(await createDataFolder())
    await finish(started)
    await rm(aside, { recursive: true, force: true })
    return started.times
  } catch (error) {
    await rm(webApp, { recursive: true, force: true })
    await rename(aside, webApp)
    throw error
  }
}

async function measureMemory() {
  const model = await startScript('model-server.ts')
  const started = await startOnce(await createDataFolder(), {
    COMPATIBLE_BASE_URL: model.url,
    COMPATIBLE_MODELS: 'instant',
  })
  const { server, folder } = started
  try {
    const database = await findEmbeddedDatabase(folder.path)
    const read = async (): Promise<Held> => {
      const ofPostgres = (await listProcessTree(database.pid)).map(({ pid }) => pid)
      const all = (await listProcessTree(server.pid)).map(({ pid }) => pid)
      return {
        server: await readMemory(all.filter((pid) => !ofPostgres.includes(pid))),
        postgres: await readMemory(ofPostgres),
      }
    }
    await sleep(idleSeconds * 1000)
    const idle = await read()
    await answerRuns(server.url)
    const afterRuns = await read()
    await sleep(idleSeconds * 1000)
    const idleAfterRuns = await read()
    const client = new pg.Client(database.connection)
    await client.connect()
    const surroundings = await describeSurroundings(client)
    await client.end()
    return { memory: { idle, after_runs: afterRuns, idle_after_runs: idleAfterRuns }, surroundings }
  } finally {
    await finish(started)
    await model.stop()
  }
}

async function answerRuns(url: string): Promise<void> {
  const { key, userAgentIds } = await signUpAndConfigure(url, ['compatible/instant'])
  let left = runs
  const work = async () => {
    while (left-- > 0) {
      const response = await fetch(`${url}/api/v1/user-agents/${userAgentIds[0]}/runs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ input: 'Do you ship to Austria?' }),
      })
      const answer = await response.text()
      if (response.status !== 200) throw new Error(`A run failed: ${answer}`)
    }
  }
  await Promise.all(Array.from({ length: 10 }, work))
}

function medianTimes(times: StartTimes[]): StartTimes {
  return {
    healthy_seconds: median(times.map((time) => time.healthy_seconds)),
    ready_seconds: median(times.map((time) => time.ready_seconds)),
  }
}

await main()
