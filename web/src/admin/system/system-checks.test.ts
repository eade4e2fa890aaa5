import { describe, expect, test } from 'vitest'
import { bytesWords, checkSystem, type System, worstOf } from './system-checks.ts'

const now = new Date('2026-11-22T12:00:00.000Z')
const well: System = {
  version: '0.5.0',
  node_version: '24.11.0',
  postgres_version: '18.1',
  is_embedded: true,
  servers: [
    {
      id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
      started_at: '2026-11-22T08:00:00.000Z',
      heartbeat_at: '2026-11-22T11:59:58.000Z',
      is_alive: true,
      is_this: true,
    },
  ],
  migrations: { applied: 20, latest: '20261122143000_connect_stripe', pending: [], unknown: [] },
  partitions: { count: 5, oldest: 'agent_logs_2026_10', newest: 'agent_logs_2027_02', default_rows: 0, faults: [] },
  backups: {
    last_created_at: '2026-11-22T03:00:00.000Z',
    last_verified_at: '2026-11-22T03:10:00.000Z',
    overdue: false,
    problems: [],
  },
  jobs: [
    {
      name: 'counting usage',
      is_running: false,
      last_success_at: '2026-11-22T11:59:00.000Z',
      last_failure_at: null,
      failure: null,
      duration_ms: 42,
    },
  ],
  disk: {
    data_dir: { path: '/srv/data', free_bytes: 52e9, total_bytes: 80e9 },
    database_bytes: 48e6,
    tables: [],
  },
  errors: [],
  stripe: {
    is_configured: true,
    waiting: 0,
    failed: 0,
    given_up: 0,
    oldest_waiting_at: null,
    last_event_at: '2026-11-22T11:00:00.000Z',
    failure: null,
  },
  reconciliation: {
    created_at: '2026-11-22T02:00:00.000Z',
    month: '2026-11-01',
    users: 120,
    released_reservations: 0,
    differences: 0,
  },
}

const lightOf = (system: System, name: string) => checkSystem(system, now).find((check) => check.name === name)?.light

test('where nothing is wrong every light is green', () => {
  const checks = checkSystem(well, now)
  expect(checks.filter(({ light, problems }) => light !== 'good' || problems.length > 0)).toEqual([])
  expect(worstOf(checks)).toBe('good')
})

describe('each fault turns its own light', () => {
  test.each<[string, string, Partial<System>]>([
    ['Migrations', 'bad', { migrations: { ...well.migrations, pending: ['20261201_new'] } }],
    ['Migrations', 'look', { migrations: { ...well.migrations, unknown: ['20261201_new'] } }],
    ['Partitions of the log', 'bad', { partitions: { ...well.partitions, faults: ['December is missing.'] } }],
    ['Partitions of the log', 'look', { partitions: { ...well.partitions, default_rows: 3 } }],
    ['Backups', 'bad', { backups: { ...well.backups, overdue: true } }],
    ['Backups', 'look', { backups: { ...well.backups, problems: ['The store was slow.'] } }],
    ['Backups', 'look', { backups: { ...well.backups, last_created_at: null, last_verified_at: null } }],
    ['Jobs', 'bad', { jobs: well.jobs.map((job) => ({ ...job, failure: 'connection refused' })) }],
    ['Disk', 'bad', { disk: { ...well.disk, data_dir: { path: '/', free_bytes: 2e9, total_bytes: 80e9 } } }],
    ['Disk', 'look', { disk: { ...well.disk, data_dir: { path: '/', free_bytes: 8e9, total_bytes: 80e9 } } }],
    ['Errors', 'look', { errors: [{ at: '2026-11-22T11:00:00.000Z', message: 'x', error: null, request_id: null }] }],
    ['Stripe', 'bad', { stripe: { ...well.stripe, waiting: 2, failed: 1 } }],
    ['Stripe', 'bad', { stripe: { ...well.stripe, waiting: 1, oldest_waiting_at: '2026-11-22T09:00:00.000Z' } }],
    ['Stripe', 'look', { stripe: { ...well.stripe, given_up: 1 } }],
    ['Limits and logs agree', 'look', { reconciliation: { ...well.reconciliation!, differences: 2 } }],
    [
      'Limits and logs agree',
      'look',
      { reconciliation: { ...well.reconciliation!, created_at: '2026-11-10T02:00:00.000Z' } },
    ],
  ])('%s is %s', (name, light, fault) => {
    const system = { ...well, ...fault }
    expect(lightOf(system, name)).toBe(light)
    expect(worstOf(checkSystem(system, now))).toBe(light)
  })
})

test('an error of the day before yesterday and a Stripe that nobody set up are no matter', () => {
  const errors = [{ at: '2026-11-20T11:00:00.000Z', message: 'x', error: null, request_id: null }]
  expect(lightOf({ ...well, errors }, 'Errors')).toBe('good')
  expect(lightOf({ ...well, stripe: { ...well.stripe, is_configured: false, failed: 3 } }, 'Stripe')).toBe('good')
  expect(lightOf({ ...well, disk: { ...well.disk, data_dir: null } }, 'Disk')).toBe('good')
})

test('sizes are said in the units of disks', () => {
  expect(bytesWords(0)).toBe('0 bytes')
  expect(bytesWords(999)).toBe('999 bytes')
  expect(bytesWords(1_200_000_000)).toBe('1.2 GB')
  expect(bytesWords(48_000_000)).toBe('48 MB')
})
