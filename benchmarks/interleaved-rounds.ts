import { median, round } from './write-results.ts'

/** Several ways to do the same; the first is ours, the second what it is measured against. */
export interface Contest {
  name: string
  connections: number
  /** Rows that one piece of work stands for; 1 when left out. */
  rows?: number
  sides: { name: string; work: () => Promise<unknown> }[]
}

export interface Side {
  name: string
  per_second: number
  p50_ms: number
  p99_ms: number
  /** Throughput beside the second side's in the same round; median of the rounds. */
  ratio: number
}

export interface ContestResult {
  name: string
  connections: number
  sides: Side[]
}

interface Measured {
  perSecond: number
  times: number[]
}

/**
 * Every side of every contest once a round, and all of it `rounds` times, so that what else happens on the machine meets
 * all sides. The order of the sides turns with each round. A first round, which warms up, is not counted.
 */
export async function runContests(
  contests: Contest[],
  { rounds, seconds, say }: { rounds: number; seconds: number; say: (text: string) => void },
): Promise<ContestResult[]> {
  const found = contests.map(({ sides }) => sides.map((): Measured[] => []))
  for (let number = 0; number <= rounds; number++) {
    for (const [at, contest] of contests.entries()) {
      const order = contest.sides.map((_, index) => (index + number) % contest.sides.length)
      for (const index of order) {
        const side = contest.sides[index]
        if (!side) continue
        const measured = await measure(side.work, contest, number === 0 ? Math.min(1, seconds) : seconds)
        if (number > 0) found[at]?.[index]?.push(measured)
      }
    }
    say(number === 0 ? 'warm' : `round ${number} of ${rounds} done`)
  }
  return contests.map(({ name, connections, sides }, at) => ({
    name,
    connections,
    sides: sides.map((side, index) => summarise(side.name, found[at]?.[index] ?? [], found[at]?.[1] ?? [])),
  }))
}

async function measure(
  work: () => Promise<unknown>,
  { connections, rows = 1 }: Contest,
  seconds: number,
): Promise<Measured> {
  const times: number[] = []
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < until) {
        const begun = performance.now()
        await work()
        times.push(performance.now() - begun)
      }
    }),
  )
  return { perSecond: (times.length * rows) / ((performance.now() - startedAt) / 1000), times }
}

function summarise(name: string, measured: Measured[], baseline: Measured[]): Side {
  const times = measured.flatMap((one) => one.times).toSorted((left, right) => left - right)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  return {
    name,
    per_second: round(median(measured.map(({ perSecond }) => perSecond))),
    p50_ms: round(at(0.5)),
    p99_ms: round(at(0.99)),
    ratio: round(median(measured.map(({ perSecond }, index) => perSecond / (baseline[index]?.perSecond ?? perSecond)))),
  }
}
