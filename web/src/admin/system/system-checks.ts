import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { countOf } from '../../agent-logs/format-run.ts'

export type System = ResponseOf<'GET /api/v1/admin/system'>

/** `bad` needs somebody now, `look` soon. */
export type Light = 'good' | 'look' | 'bad'

export interface Check {
  name: string
  light: Light
  /** How it is, in a sentence. */
  says: string
  /** What is wrong and what to do. */
  problems: string[]
}

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000

/** What an operator has to know, each as a light with a sentence; `now` is injected for tests. */
export function checkSystem(system: System, now: Date): Check[] {
  return [
    checkServers(system),
    checkMigrations(system),
    checkPartitions(system),
    checkBackups(system),
    checkJobs(system),
    checkDisk(system),
    checkErrors(system, now),
    checkStripe(system, now),
    checkReconciliation(system, now),
  ]
}

/** The worst of all. */
export function worstOf(checks: readonly Check[]): Light {
  if (checks.some(({ light }) => light === 'bad')) return 'bad'
  return checks.some(({ light }) => light === 'look') ? 'look' : 'good'
}

function checkServers({ servers, version, node_version, postgres_version, is_embedded }: System): Check {
  const alive = servers.filter(({ is_alive }) => is_alive).length
  const gone = servers.length - alive
  return {
    name: 'Version and servers',
    light: alive === 0 ? 'look' : 'good',
    says: `AgentExpress ${version}, Node ${node_version}, PostgreSQL ${postgres_version}${is_embedded ? ' (built in)' : ''}; ${countOf(alive, 'server')} at work${gone > 0 ? `, ${gone} stopped` : ''}.`,
    problems: [],
  }
}

function checkMigrations({ migrations: { applied, latest, pending, unknown } }: System): Check {
  return {
    name: 'Migrations',
    light: pending.length > 0 ? 'bad' : unknown.length > 0 ? 'look' : 'good',
    says: `${countOf(applied, 'migration')} applied${latest ? `, the newest is ${latest}` : ''}.`,
    problems: [
      ...pending.map((name) => `${name} is not applied. Run “npm run migrate”, or start the server anew.`),
      ...unknown.map(
        (name) => `${name} is unknown to this version: a newer one runs on the same database. Update this server.`,
      ),
    ],
  }
}

function checkPartitions({ partitions }: System): Check {
  const strays = partitions.default_rows
  return {
    name: 'Partitions of the log',
    light: partitions.faults.length > 0 ? 'bad' : strays > 0 ? 'look' : 'good',
    says: `${countOf(partitions.count, 'month')}${partitions.newest ? `, up to ${partitions.newest}` : ''}.`,
    problems: [
      ...partitions.faults,
      ...(strays > 0 ? [`${countOf(strays, 'log')} in no month: clocks of servers may be wrong.`] : []),
    ],
  }
}

function checkBackups({ backups }: System): Check {
  const problems =
    backups.last_created_at === null && backups.problems.length === 0
      ? [
          'There is no backup yet. Where they are set up they are made by themselves; “npm run backup -- create” makes one now.',
        ]
      : backups.problems
  const light = backups.overdue ? 'bad' : problems.length > 0 ? 'look' : 'good'
  const made = backups.last_created_at
    ? `The newest is of ${momentWords(backups.last_created_at)}`
    : 'There is none yet'
  const verified = backups.last_verified_at
    ? `one was last restored and compared on ${momentWords(backups.last_verified_at)}`
    : 'none was ever restored to compare'
  return { name: 'Backups', light, says: `${made}; ${verified}.`, problems }
}

function checkJobs({ jobs }: System): Check {
  const failing = jobs.filter(({ failure }) => failure !== null)
  return {
    name: 'Jobs',
    light: failing.length > 0 ? 'bad' : 'good',
    says:
      failing.length === 0
        ? `${countOf(jobs.length, 'job')}, all of them end well.`
        : `${failing.length} of ${countOf(jobs.length, 'job')} failed last time.`,
    problems: failing.map(
      ({ name, failure, last_failure_at }) =>
        `${sentence(name)} failed${last_failure_at ? ` on ${momentWords(last_failure_at)}` : ''}: ${failure}`,
    ),
  }
}

function checkDisk({ disk }: System): Check {
  const says = `The database takes ${bytesWords(disk.database_bytes)}.`
  if (!disk.data_dir) return { name: 'Disk', light: 'good', says, problems: [] }
  const { free_bytes: free, total_bytes: total } = disk.data_dir
  const share = total > 0 ? free / total : 1
  const light: Light = share < 0.05 || free < 1e9 ? 'bad' : share < 0.15 ? 'look' : 'good'
  return {
    name: 'Disk',
    light,
    says: `${bytesWords(free)} of ${bytesWords(total)} are free. ${says}`,
    problems:
      light === 'good' ? [] : ['Make room, or move the data folder to a larger disk: a full one stops everything.'],
  }
}

function checkErrors({ errors }: System, now: Date): Check {
  const recent = errors.filter(({ at }) => now.getTime() - Date.parse(at) < dayMs)
  return {
    name: 'Errors',
    light: recent.length > 0 ? 'look' : 'good',
    says:
      recent.length === 0
        ? 'None in the last 24 hours on this server.'
        : `${countOf(recent.length, 'error')} in the last 24 hours on this server; they stand below.`,
    problems: [],
  }
}

function checkStripe({ stripe }: System, now: Date): Check {
  const name = 'Stripe'
  if (!stripe.is_configured)
    return { name, light: 'good', says: 'Not set up: users ask for plans, and admins assign them.', problems: [] }
  const waitsMs = stripe.oldest_waiting_at ? now.getTime() - Date.parse(stripe.oldest_waiting_at) : 0
  const light: Light =
    waitsMs > hourMs || stripe.failed > 0 ? 'bad' : stripe.given_up > 0 || waitsMs > 10 * minuteMs ? 'look' : 'good'
  const last = stripe.last_event_at
    ? `The last event came on ${momentWords(stripe.last_event_at)}`
    : 'No event came yet'
  return {
    name,
    light,
    says: `${last}; ${stripe.waiting === 0 ? 'none waits' : `${countOf(stripe.waiting, 'event')} ${stripe.waiting === 1 ? 'waits' : 'wait'}`}.`,
    problems: [
      ...(stripe.failed > 0
        ? [
            `${countOf(stripe.failed, 'event')} failed and will be tried again${stripe.failure ? `: ${stripe.failure}` : '.'}`,
          ]
        : []),
      ...(stripe.given_up > 0
        ? [`${countOf(stripe.given_up, 'event')} given up. The nightly comparison with Stripe repairs what they said.`]
        : []),
    ],
  }
}

function checkReconciliation({ reconciliation: last }: System, now: Date): Check {
  const name = 'Limits and logs agree'
  if (!last)
    return { name, light: 'good', says: 'They are compared each night; that has not happened yet.', problems: [] }
  const isOld = now.getTime() - Date.parse(last.created_at) > 3 * dayMs
  return {
    name,
    light: last.differences > 0 || isOld ? 'look' : 'good',
    says: `${countOf(last.users, 'user')} compared on ${momentWords(last.created_at)}: ${last.differences === 0 ? 'no difference' : countOf(last.differences, 'difference')}${last.released_reservations > 0 ? `, ${countOf(last.released_reservations, 'left-over run')} given back` : ''}.`,
    problems: [
      ...(last.differences > 0
        ? ['The log of the server names who and how much. What limits count is right; logs may have been changed.']
        : []),
      ...(isOld ? ['That is more than three days ago; it should happen each night.'] : []),
    ],
  }
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

/** `48 MB`, `1.2 GB`: decimal units, as disks are sold. */
export function bytesWords(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** step
  const digits = step > 0 && value < 10 ? 1 : 0
  return `${value.toLocaleString('en-US', { maximumFractionDigits: digits })} ${units[step]}`
}

function momentWords(moment: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(moment))
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}
