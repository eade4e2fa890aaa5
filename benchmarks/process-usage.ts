import { readdir, readFile } from 'node:fs/promises'

// USER_HZ: what /proc counts processor time in is 100 on every Linux that Node runs on.
const tickMs = 10

interface ProcessEntry {
  pid: number
  parentPid: number
  cpuMs: number
  /** Of children that have ended and were waited for. */
  endedChildrenCpuMs: number
}

/** Every process below `pid` and itself. Linux only. */
export async function listProcessTree(pid: number): Promise<ProcessEntry[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const entries = (await Promise.all(names.map(readEntry))).filter((entry) => entry !== null)
  const tree = entries.filter((entry) => entry.pid === pid)
  for (const found of tree) tree.push(...entries.filter((entry) => entry.parentPid === found.pid))
  return tree
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; null when it has ended meanwhile. */
async function readEntry(name: string): Promise<ProcessEntry | null> {
  const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  // The name of the program stands in brackets and may hold anything, so fields are counted behind the last one.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const at = (field: number) => fields[field - 3] ?? 0
  return {
    pid: Number(name),
    parentPid: at(4),
    cpuMs: (at(14) + at(15)) * tickMs,
    endedChildrenCpuMs: (at(16) + at(17)) * tickMs,
  }
}

/** Processor time that one process alone has used, in milliseconds. */
export async function readProcessCpu(pid: number): Promise<number> {
  return (await readEntry(String(pid)))?.cpuMs ?? 0
}

/** Processor time of PostgreSQL: the postmaster, its present and its ended processes. */
export async function readPostgresCpu(postmasterPid: number): Promise<number> {
  const tree = await listProcessTree(postmasterPid)
  return tree.reduce((sum, entry) => sum + entry.cpuMs, 0) + (tree[0]?.endedChildrenCpuMs ?? 0)
}

export interface Memory {
  /** Every page counted once: one that n processes share counts 1/n in each of them. */
  pssMiB: number
  /** Every page counted in each process that maps it. */
  rssMiB: number
  processes: number
}

/** Memory of processes together; https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html. */
export async function readMemory(pids: number[]): Promise<Memory> {
  const memory: Memory = { pssMiB: 0, rssMiB: 0, processes: 0 }
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => null)
    if (text === null) continue
    const read = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024
    memory.pssMiB += read('Pss')
    memory.rssMiB += read('Rss')
    memory.processes++
  }
  return memory
}
