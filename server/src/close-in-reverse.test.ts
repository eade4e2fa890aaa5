import { expect, test } from 'vitest'
import { closeInReverse } from './close-in-reverse.ts'
import { createLog } from './log.ts'

test('one that cannot be closed does not keep the rest open, and nothing is closed twice', async () => {
  const closed: string[] = []
  const closers = [
    async () => closed.push('PostgreSQL'),
    async () => {
      closed.push('heartbeat')
      throw new Error('the database is away')
    },
    async () => closed.push('HTTP'),
  ]
  await expect(closeInReverse(closers, createLog('silent'))).rejects.toThrow('the database is away')
  expect(closed).toEqual(['HTTP', 'heartbeat', 'PostgreSQL'])
  await closeInReverse(closers, createLog('silent'))
  expect(closed).toHaveLength(3)
})
